"""What PyTorch's own modules become: the operators of the nodes of each `torch.nn` class, counted over many exports.

A Dropout computes nothing in evaluation, a Linear becomes MatMul and Add: that holds whatever model they are in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

OTHER = ""
"""Stands for all classes that are not PyTorch's own."""

_PACKAGE = "torch.nn."
# One is as good as unseen among so many nodes.
_SMOOTHING = 2.0
_MOST = 6.0


def torch_class(name: str | None) -> str | None:
    """Return the bare name of one of PyTorch's own classes, OTHER for another class, None for an unknown one."""
    if name is None:
        return None
    return name.rpartition(".")[2] if name.startswith(_PACKAGE) else OTHER


@dataclass(frozen=True)
class ClassOperators:
    """For each class the number of its modules, and of their own nodes by operator."""

    modules: Mapping[str, int]
    nodes: Mapping[str, Mapping[str, int]]

    def known_as(self, name: str | None) -> str | None:
        """Return under which name a class was counted; None for an unknown one.

        A name without its package is taken for PyTorch's own class of that name.
        """
        return name if name in self.modules else torch_class(name)

    def affinity(self, class_name: str | None, operator: str) -> float:
        """Return how much likelier the operator is in this class than anywhere, as a logarithm from -1 to 1.

        It is 0 for a class that is unknown or was never counted.
        """
        own = None if class_name is None else self.nodes.get(class_name)
        if own is None:
            return 0.0
        usual = (self._everywhere.get(operator, 0) + 1.0) / (sum(self._everywhere.values()) + 1.0)
        total = sum(own.values())
        here = (own.get(operator, 0) + _SMOOTHING * usual) / (total + _SMOOTHING)
        return max(-_MOST, min(_MOST, math.log(here / usual))) / _MOST

    def activity(self, class_name: str | None) -> float:
        """Return how many nodes of its own a module of the class has, from 0 (none) to 1 (four or more).

        It is one half for a class that is unknown or was never counted.
        """
        if class_name is None or class_name not in self.modules:
            return 0.5
        return min(1.0, sum(self.nodes.get(class_name, {}).values()) / max(1, self.modules[class_name]) / 4.0)

    @cached_property
    def operators(self) -> frozenset[str]:
        """All operators that were counted."""
        return frozenset(self._everywhere)

    @cached_property
    def _everywhere(self) -> Counter[str]:
        return sum((Counter(counts) for counts in self.nodes.values()), Counter[str]())
