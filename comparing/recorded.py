"""A PyTorch model as the first of two: what its modules read and wrote, matched with the values of B."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..tags.scope import parent
from .arithmetic import EXACT
from .borders import Borders, Part
from .measure import Measurement
from .metrics import distance
from .side import ComparedModel
from .values import Values

_Key = TypeVar("_Key")

Calls = Mapping[str, Sequence[tuple[Sequence[Path], Sequence[Path]]]]
"""The files of the tensors that each module read and wrote, for each of its calls in order."""


class RecordedBorders(Borders):
    """The borders of B's modules, which stand for those of the PyTorch model."""

    def arithmetic(self, part: Part) -> str:  # noqa: ARG002 - whatever B computes in
        """Return what a PyTorch model computes in."""
        return EXACT

    def is_random(self, part: Part) -> bool:  # noqa: ARG002 - evaluation mode
        """Return False: what draws random numbers in B is seen there."""
        return False


class Recorded:
    """Pairs a value of B with the tensor that the PyTorch model has in its place."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def is_known(self, name: str) -> bool:
        """Whether a value of B is on the border of a module."""
        return name in self._names

    def needed(self, of_a: Part, of_b: Part) -> Iterable[str]:  # noqa: ARG002 - both are the same
        """Return what a module reads and writes in B."""
        return (*of_b.reads, *of_b.writes)

    def counterparts(self, of_a: Iterable[str], of_b: Iterable[str], one: Values, two: Values) -> dict[str, str]:  # noqa: ARG002
        """Return the values that have a tensor in the PyTorch model, which has the same name here."""
        return {name: name for name in of_b if name in one and name in two}


class RecordedModel(ComparedModel):
    """B in place of a PyTorch model: it has the borders, and the recording has the values."""

    @cached_property
    def borders(self) -> Borders:
        """The borders of its modules."""
        return RecordedBorders(self.copy.proto, self.copy.tags)

    @property
    def arithmetic(self) -> str:
        """What a PyTorch model computes in."""
        return EXACT


@dataclass
class RecordedMeasurement(Measurement):
    """Measures B against a recorded run of a PyTorch model, with the inputs of that run."""

    calls: Calls = field(default_factory=dict[str, Sequence[tuple[Sequence[Path], Sequence[Path]]]])

    def run(self, of_a: Iterable[str], of_b: Iterable[str]) -> list[tuple[Values, Values]]:
        """Run B and return the tensors of the recorded run by the names of B's values, and B's values."""
        names = list(dict.fromkeys((*of_a, *of_b)))
        (found,) = self.compute_all([self.b.job(f"run{self.runs}", self.inputs[0], names)])
        given = self.b.given(self.inputs[0])
        return [(given | Values(self._matched(set(names), found)), given | found)]

    def call_count(self, scope: str) -> int:
        """Return how often a module was called."""
        return len(self.calls.get(scope, ()))

    def _matched(self, names: set[str], found: Values) -> dict[str, Path]:
        """Return the recorded files of values.

        If a module wrote as many tensors of a shape as it has values, they belong together in the order of calls. Else
        the nearest of the tensors belongs to a value.
        """
        in_order: dict[str, Path] = {}
        candidates: dict[str, list[Path]] = {}
        for scope in self._scopes:
            part = self.b.borders.of_module(scope)
            for is_written, of_part in enumerate((part.reads, part.writes)):
                values = _by_shape({name: found.paths[name] for name in of_part if name in names and name in found})
                files = dict.fromkeys(path for call in self.calls[scope] for path in call[is_written])
                for shape, paths in _by_shape({path: path for path in files}).items():
                    if is_written and len(values.get(shape, ())) == len(paths):
                        in_order.update(zip(values[shape], paths, strict=True))
                    for name in values.get(shape, ()):
                        candidates.setdefault(name, []).extend(paths)
        nearest = {name: _nearest(found[name], paths) for name, paths in candidates.items() if name not in in_order}
        return in_order | nearest

    @cached_property
    def _scopes(self) -> list[str]:
        """The modules that were called and that have nodes in B."""
        scopes = {""}
        for scope in self.b.borders.scopes:
            above = scope
            while above and above not in scopes:
                scopes.add(above)
                above = parent(above)
        return sorted(scopes & self.calls.keys())


def border_values(borders: Borders, calls: Calls) -> frozenset[str]:
    """Return the values that modules of a recorded run read or write at their borders."""
    parts = (borders.of_module(scope) for scope in calls)
    return frozenset(name for part in parts for name in (*part.reads, *part.writes))


def _by_shape(files: Mapping[_Key, Path]) -> dict[tuple[int, ...], list[_Key]]:
    found: dict[tuple[int, ...], list[_Key]] = {}
    for key, path in files.items():
        found.setdefault(np.load(path, mmap_mode="r").shape, []).append(key)
    return found


def _nearest(value: npt.NDArray[Any], paths: Sequence[Path]) -> Path:
    return max(paths, key=lambda path: distance(np.load(path, mmap_mode="r"), value).quality)
