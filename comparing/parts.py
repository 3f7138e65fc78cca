"""The parts of two models that are compared: a module of both, or the nodes that ran in a module itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..tags.module_table import ModuleTable
from .borders import Borders, Part

OWN = "(own nodes)"
"""The last part of the name of the nodes that ran in a module itself, which are measured beside the modules below it.
"""


class Pair(NamedTuple):
    """A part of both models. `scope` is the module, and `is_own` says that only the nodes that ran in itself count."""

    scope: str
    is_own: bool
    a: Part
    b: Part

    @property
    def name(self) -> str:
        """The scope, or that of the own nodes."""
        return f"{self.scope}.{OWN}".lstrip(".") if self.is_own else self.scope


def scope_of(name: str) -> str:
    """Return the module of a part by its name."""
    return name.removesuffix(OWN).rstrip(".") if name.endswith(OWN) else name


@dataclass
class Parts:
    """The parts of two models. `unpaired` has the modules that only one of them has, as far as they were looked for."""

    a: Borders
    b: Borders
    table: ModuleTable
    unpaired: dict[str, None] = field(default_factory=dict[str, None])
    _below: dict[str, list[Pair]] = field(default_factory=dict[str, list[Pair]], repr=False)

    def below(self, scope: str) -> list[Pair]:
        """Return the modules right below one and its own nodes, in the order of their first nodes in B.

        Without modules below it there are none.
        """
        if scope not in self._below:
            self._below[scope] = self._pairs(scope)
        return self._below[scope]

    def _pairs(self, scope: str) -> list[Pair]:
        one, two = self.a, self.b
        names = dict.fromkeys((*one.children(scope, self.table), *two.children(scope, self.table)))
        if not names and scope:
            return []
        pairs = [Pair(name, False, one.of_module(name), two.of_module(name)) for name in names]
        self.unpaired.update((pair.scope, None) for pair in pairs if not (pair.a.positions and pair.b.positions))
        pairs.append(Pair(scope, True, one.of_own_nodes(scope), two.of_own_nodes(scope)))
        kept = [pair for pair in pairs if pair.b.positions and (pair.a.positions or pair.is_own)]
        return sorted(kept, key=lambda pair: pair.b.positions[0])
