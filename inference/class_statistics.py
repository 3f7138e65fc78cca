"""What PyTorch's own modules become: the operators of the nodes of each `torch.nn` class, counted over many exports.

A Dropout computes nothing in evaluation, a Linear becomes MatMul and Add: that holds whatever model they are in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

OTHER_CLASS = ""
"""Stands for all classes that are not PyTorch's own."""

_TORCH_PACKAGE = "torch.nn."
# One is as good as unseen among so many nodes.
_PMI_SMOOTHING = 2.0
_MAX_PMI = 6.0


def torch_class(name: str | None) -> str | None:
    """Return the bare name of one of PyTorch's own classes, OTHER for another class, None for an unknown one."""
    if name is None:
        return None
    return name.rpartition(".")[2] if name.startswith(_TORCH_PACKAGE) else OTHER_CLASS


@dataclass(frozen=True)
class ClassStatistics:
    """For each class the number of its modules, and of their own nodes by operator."""

    modules: Mapping[str, int]
    nodes: Mapping[str, Mapping[str, int]]

    def counted_name(self, name: str | None) -> str | None:
        """Return under which name a class was counted; None for an unknown one.

        A name without its package is taken for PyTorch's own class of that name.
        """
        return name if name in self.modules else torch_class(name)

    def pmi(self, class_name: str | None, operator: str) -> float:
        """Return how much likelier the operator is in this class than anywhere, as a logarithm from -1 to 1.

        It is 0 for a class that is unknown or was never counted.
        """
        own = None if class_name is None else self.nodes.get(class_name)
        if own is None:
            return 0.0
        usual = (self._operator_totals.get(operator, 0) + 1.0) / (sum(self._operator_totals.values()) + 1.0)
        total = sum(own.values())
        here = (own.get(operator, 0) + _PMI_SMOOTHING * usual) / (total + _PMI_SMOOTHING)
        return max(-_MAX_PMI, min(_MAX_PMI, math.log(here / usual))) / _MAX_PMI

    def nodes_per_module(self, class_name: str | None) -> float:
        """Return how many nodes of its own a module of the class has, from 0 (none) to 1 (four or more).

        It is one half for a class that is unknown or was never counted.
        """
        if class_name is None or class_name not in self.modules:
            return 0.5
        return min(1.0, sum(self.nodes.get(class_name, {}).values()) / max(1, self.modules[class_name]) / 4.0)

    @cached_property
    def operators(self) -> frozenset[str]:
        """All operators that were counted."""
        return frozenset(self._operator_totals)

    @cached_property
    def _operator_totals(self) -> Counter[str]:
        return sum((Counter(counts) for counts in self.nodes.values()), Counter[str]())
