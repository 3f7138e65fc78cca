"""What the nodes of each path of TorchScript's labels read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..tags.scope import is_descendant, parent

# Up to so many owners, to look at each is faster than to count those of all ancestors.
_FEW_OWNERS = 4


class WeightUse(NamedTuple):
    """A weight without a parameter name that a node reads: the operator, the index of the input, and the weight."""

    op: str
    input_index: int
    name: str


class Owners(dict[str, int]):
    """Modules that own parameters, each with how often they are read. It stays as it is once `within` was called."""

    _within: Counter[str] | None = None

    def add(self, owners: Mapping[str, int]) -> None:
        """Add the reads of further modules."""
        for owner, count in owners.items():
            self[owner] = self.get(owner, 0) + count

    def within(self, scope: str) -> int:
        """Return how many of the reads are of parameters in a module or below it."""
        if not self:
            return 0
        if len(self) <= _FEW_OWNERS:
            return sum([count for owner, count in self.items() if is_descendant(owner, scope)])
        if self._within is None:
            self._within = Counter()
            for owner, count in self.items():
                above = owner
                while above:
                    self._within[above] += count
                    above = parent(above)
                self._within[""] += count
        return self._within[scope]


@dataclass(slots=True)
class LabelUses:
    """What the nodes of one path of labels read: how often parameters of each owner, and weights without a name."""

    owners: Owners = field(default_factory=Owners)
    weights: list[WeightUse] = field(default_factory=list[WeightUse])
