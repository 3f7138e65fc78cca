"""Which value of one model belongs to which of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from ..tags.scope import is_descendant
from .borders import Borders, Part
from .values import Values

_MIN_SHARED = 0.25
"""The share of the values of the smaller model from which on names count. Optimisers and quantisers keep more of them,
and two exporters have hardly any in common. Not tuned."""


class Pairing(Protocol):
    """How values of B are paired with values of A. `inputs` are the names of A's inputs by those of B."""

    def is_known(self, name: str) -> bool:
        """Whether a value of B can have a counterpart in A."""
        ...

    def needed(self, of_a: Part, of_b: Part) -> Iterable[str]:
        """Return the values of A that are compared for a module of both."""
        ...

    def counterparts(self, of_a: Iterable[str], of_b: Iterable[str], one: Values, two: Values) -> dict[str, str]:
        """Return the values of A by those of B that a module of both reads, or writes. `one` and `two` have them."""
        ...


class ByName:
    """Values of the same name, if the modules of the nodes that compute them are not in different branches."""

    def __init__(self, a: Borders, b: Borders, inputs: Mapping[str, str]) -> None:
        self._names = dict(inputs)
        for name in a.values & b.values:
            scope, other = a.producer_scope(name), b.producer_scope(name)
            if scope is not None and other is not None and (is_descendant(scope, other) or is_descendant(other, scope)):
                self._names[name] = name

    def is_known(self, name: str) -> bool:
        """Whether a value of B has a counterpart in A."""
        return name in self._names

    def needed(self, of_a: Part, of_b: Part) -> Iterable[str]:  # noqa: ARG002 - A may have other borders
        """Return the counterparts of what B's module reads and writes."""
        return (self._names[name] for name in (*of_b.reads, *of_b.writes) if name in self._names)

    def counterparts(self, of_a: Iterable[str], of_b: Iterable[str], one: Values, two: Values) -> dict[str, str]:  # noqa: ARG002
        """Return the values of A by those of B."""
        found = {name: self._names[name] for name in of_b if name in self._names}
        return {name: other for name, other in found.items() if other in one and name in two}


class ByOrder:
    """The values on the border of a module in order, those of a shape and a module that computes them by themselves."""

    def __init__(self, a: Borders, b: Borders, inputs: Mapping[str, str]) -> None:
        self._a, self._b, self._inputs = a, b, inputs

    def is_known(self, name: str) -> bool:  # noqa: ARG002 - that depends on the module
        """Whether a value of B can have a counterpart in A."""
        return True

    def needed(self, of_a: Part, of_b: Part) -> Iterable[str]:  # noqa: ARG002 - B has other names
        """Return what A's module reads and writes."""
        return (*of_a.reads, *of_a.writes)

    def counterparts(self, of_a: Iterable[str], of_b: Iterable[str], one: Values, two: Values) -> dict[str, str]:
        """Return the values of A by those of B."""
        rest_a, rest_b = ([name for name in names if name in given] for names, given in ((of_a, one), (of_b, two)))
        found = {name: self._inputs[name] for name in rest_b if self._inputs.get(name) in rest_a}
        for with_scope in (True, False):
            left_a = [name for name in rest_a if name not in found.values()]
            left_b = [name for name in rest_b if name not in found]
            groups_a = _groups(left_a, one, self._a if with_scope else None)
            groups_b = _groups(left_b, two, self._b if with_scope else None)
            for key, names in groups_b.items():
                others = groups_a.get(key, [])
                if len(others) == len(names):
                    found.update(zip(names, others, strict=True))
        return found


def pairing(a: Borders, b: Borders, inputs: Mapping[str, str]) -> Pairing:
    """Return how values of B are paired with those of A: by their names if the models share enough of them."""
    shared = len(a.values & b.values)
    kind = ByName if shared >= _MIN_SHARED * min(len(a.values), len(b.values)) else ByOrder
    return kind(a, b, inputs)


def _groups(names: Iterable[str], values: Values, borders: Borders | None) -> Mapping[object, list[str]]:
    groups: defaultdict[object, list[str]] = defaultdict(list)
    for name in names:
        array = values[name]
        scope = None if borders is None else borders.producer_scope(name)
        groups[scope, array.shape, array.dtype.kind].append(name)
    return groups
