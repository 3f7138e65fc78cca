"""Counts of which ONNX operators the modules of each `torch.nn` class become, over many exports.

A Dropout becomes nothing in evaluation, a Linear becomes a MatMul and an Add: this holds in every model.

The association of a class and an operator is their pointwise mutual information (Church and Hanks 1990), the logarithm
of P(operator | class) / P(operator).

Church, K. W., Hanks, P. (1990). Word association norms, mutual information, and lexicography. Computational
Linguistics 16(1), 22-29. https://aclanthology.org/J90-1003
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

OTHER_CLASS = ""
"""Stands for all classes that are not PyTorch's own."""

_TORCH_PACKAGE = "torch.nn."
# Weight of P(operator) in the estimate of P(operator | class), in nodes: additive smoothing. Not tuned; 1 and 4 change
# at most 4 tags.
_PMI_SMOOTHING = 2.0
# Pointwise mutual information is clipped to this value, a natural logarithm, and divided by it. Not tuned; 4 and 9
# change the accuracy with a module table by 0.1 points.
_MAX_PMI = 6.0
# An operator of at least this association is characteristic of a class, as Tanh and Relu are. Not tuned.
_CHARACTERISTIC_PMI = 0.7
# Modules of more nodes than this count alike. Not tuned; 2 and 8 cost at most 0.1 points.
_MAX_NODES_PER_MODULE = 4.0


@cache
def read_weights() -> Mapping[str, Any]:
    """Return the fitted numbers of weights.json."""
    return json.loads(files(__package__ or "").joinpath("weights.json").read_text(encoding="utf-8"))


@cache
def class_statistics() -> ClassStatistics:
    """Return the counts of the training set."""
    classes = read_weights()["classes"]
    return ClassStatistics(classes["modules"], classes["nodes"])


def torch_class(name: str | None) -> str | None:
    """Return the bare name of a class of PyTorch, OTHER_CLASS for another class, or None for an unknown one.

    `name` is qualified: `torch.nn.modules.linear.Linear`. A bare name is taken for another class.
    """
    if name is None:
        return None
    return name.rpartition(".")[2] if name.startswith(_TORCH_PACKAGE) else OTHER_CLASS


@dataclass(frozen=True)
class ClassStatistics:
    """For each class the number of its modules, and the numbers of their nodes by operator, descendants left out."""

    modules: Mapping[str, int]
    nodes: Mapping[str, Mapping[str, int]]

    def counted_name(self, name: str | None) -> str | None:
        """Return the name that a class was counted under, or None for an unknown class.

        Unlike `torch_class`, this takes a bare name for the class of PyTorch of that name.
        """
        return name if name in self.modules else torch_class(name)

    def pmi(self, class_name: str | None, operator: str) -> float:
        """Return the pointwise mutual information of a class and an operator, scaled to [-1, 1].

        It is 0 for a class that is unknown or was never counted.
        """
        counts = None if class_name is None else self.nodes.get(class_name)
        if counts is None:
            return 0.0
        p_operator = (self._operator_totals.get(operator, 0) + 1.0) / (sum(self._operator_totals.values()) + 1.0)
        total = sum(counts.values())
        p_operator_in_class = (counts.get(operator, 0) + _PMI_SMOOTHING * p_operator) / (total + _PMI_SMOOTHING)
        return max(-_MAX_PMI, min(_MAX_PMI, math.log(p_operator_in_class / p_operator))) / _MAX_PMI

    def may_become(self, class_name: str | None, operator: str) -> bool:
        """Return whether a class may become an operator: it is associated with it, or it was never counted."""
        counted = self.counted_name(class_name)
        return counted not in self.nodes or counted == OTHER_CLASS or self.pmi(counted, operator) > 0

    def never_becomes(self, class_name: str | None, operator: str) -> bool:
        """Return whether no module of a class became an operator that modules of other classes became.

        A class whose name ends in that of a class that never became anything, as StableDropout does, is taken for one
        of those.
        """
        counted = self.counted_name(class_name)
        if counted is None or counted not in self.nodes or operator not in self.operators:
            return False
        if counted == OTHER_CLASS:
            return self.is_idle(class_name)
        return not self.nodes[counted].get(operator)

    def is_like_any(self, operators: frozenset[str]) -> bool:
        """Return whether a module of some operators is like one of PyTorch's.

        A class became all of them, or one of them is what a class became nearly always.
        """
        return any(operators <= found.keys() for name, found in self.nodes.items() if name != OTHER_CLASS) or any(
            operator in self._characteristic_operators for operator in operators
        )

    def is_idle(self, class_name: str | None) -> bool:
        """Return whether no module of a class became any operator, or the class is named after such a class."""
        counted = self.counted_name(class_name)
        if counted == OTHER_CLASS:
            return class_name is not None and class_name.endswith(self._idle)
        return counted in self._idle

    def nodes_per_module(self, class_name: str | None) -> float:
        """Return the mean number of nodes of a module of the class, scaled to [0, 1]: 1 for four nodes or more.

        It is 0.5 for a class that is unknown or was never counted.
        """
        if class_name is None or class_name not in self.modules:
            return 0.5
        nodes = sum(self.nodes.get(class_name, {}).values())
        return min(1.0, nodes / max(1, self.modules[class_name]) / _MAX_NODES_PER_MODULE)

    @cached_property
    def _idle(self) -> tuple[str, ...]:
        """The classes that never became anything."""
        return tuple(name for name in self.modules if not self.nodes.get(name))

    @cached_property
    def _characteristic_operators(self) -> frozenset[str]:
        """The operators that are strongly associated with a class of PyTorch."""
        classes = [name for name in self.nodes if name != OTHER_CLASS]
        return frozenset(
            operator
            for operator in self.operators
            if any(self.pmi(name, operator) >= _CHARACTERISTIC_PMI for name in classes)
        )

    @cached_property
    def operators(self) -> frozenset[str]:
        """All operators that were counted."""
        return frozenset(self._operator_totals)

    @cached_property
    def _operator_totals(self) -> Counter[str]:
        return sum((Counter(counts) for counts in self.nodes.values()), Counter[str]())
