"""Find the module that goes wrong: measure the modules below the root, open the first that stands out, and go on in it.

Only the borders of the modules of one level are outputs in a run. So memory is bounded by one level, and what a runtime
fuses elsewhere stays fused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..tags.module_table import ModuleTable
from .borders import Part
from .comparison import ModuleDistance
from .metrics import Distance, distance, worst
from .outliers import first_outlier
from .side import ComparedModel
from .values import Arrays, Job, compute, read_inputs

OWN = "(own nodes)"
"""Stands for the nodes that ran in the opened module itself, among the modules below it."""


@dataclass
class Descent:
    """Two models on the same inputs. `modules` has what was measured, `unpaired` the modules that only one has."""

    a: ComparedModel
    b: ComparedModel
    inputs: Path
    table: ModuleTable
    modules: dict[str, ModuleDistance] = field(default_factory=dict[str, ModuleDistance])
    unpaired: dict[str, None] = field(default_factory=dict[str, None])
    runs: int = 0

    def __post_init__(self) -> None:
        self._borders = self.a.borders(), self.b.borders()
        self._given = read_inputs(self.inputs)

    def outputs(self) -> Distance:
        """Run both models and return the distance of their outputs. Raises HpassError if one does not run."""
        one, two = self._run(self.a.outputs, self.b.outputs)
        pairs = list(_pairs(self.a.outputs, self.b.outputs, one, two))
        return worst([distance(one[name], two[other]) for name, other in pairs]) or Distance(None, np.inf, 0, 0)

    def find(self) -> list[str]:
        """Return the modules from the root to the one that goes wrong; nothing if no module stands out."""
        path = [""]
        while (found := self._open(path[-1])) is not None and found != OWN:
            path.append(found)
        return path if found == OWN or len(path) > 1 else []

    def _open(self, scope: str) -> str | None:
        """Measure the modules below one and its own nodes, and return the first that stands out."""
        parts = self._level(scope)
        one, two = self._run(
            (name for part, _ in parts.values() for name in (*part.reads, *part.writes)),
            (name for _, part in parts.values() for name in (*part.reads, *part.writes)),
        )
        jobs: dict[str, Job] = {}
        for name, (part_a, part_b) in parts.items():
            reads = self._reads(part_a, part_b, one, two)
            if reads is not None and part_b.writes:
                jobs[name] = self.b.local_job(f"part{len(jobs)}", part_b, reads)
        results = dict(zip(jobs, compute(list(jobs.values())), strict=True))
        quality: dict[str, float] = {}
        for name, (part_a, part_b) in parts.items():
            accumulated = _distance(part_a, part_b, one, two)
            result = results.get(name)
            local = None if result is None else _distance(part_a, part_b, one, result)
            if name != OWN:
                self.modules[name] = ModuleDistance(accumulated, local, len(part_b.positions))
            if local is not None:
                quality[name] = local.quality
        kinds = {name: self.table[name].bare_class if name in self.table else None for name in parts}
        return first_outlier(list(parts), quality, kinds)

    def _level(self, scope: str) -> dict[str, tuple[Part, Part]]:
        """Return the parts of each module right below one, in the order of calls, and those of its own nodes."""
        one, two = self._borders
        found = {name: (one.of_module(name), two.of_module(name)) for name in one.children(scope, self.table)}
        for name in two.children(scope, self.table):
            if name not in found:
                found[name] = (one.of_module(name), two.of_module(name))
        found[OWN] = (one.of_own_nodes(scope), two.of_own_nodes(scope))
        for name, pair in found.items():
            if name != OWN and not all(part.positions for part in pair):
                self.unpaired[name] = None
        paired = {name: pair for name, pair in found.items() if all(part.positions for part in pair)}
        return dict(sorted(paired.items(), key=lambda item: item[1][0].positions[0]))

    def _run(self, of_a: Iterable[str], of_b: Iterable[str]) -> tuple[Arrays, Arrays]:
        self.runs += 1
        one, two = compute([self.a.job(self.inputs, of_a), self.b.job(self.inputs, of_b)], required=True)
        return {**self._given, **(one or {})}, {**self._given, **(two or {})}

    def _reads(self, of_a: Part, of_b: Part, one: Arrays, two: Arrays) -> Arrays | None:
        """Return what B's part reads, with A's values; None if a floating-point value has no counterpart in A.

        Shapes, indices and masks that A does not have are B's own.
        """
        counterpart = {other: name for name, other in _pairs(of_a.reads, of_b.reads, one, two)}
        reads: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
        for name in of_b.reads:
            if name not in two:
                return None
            if name in counterpart:
                reads[name] = one[counterpart[name]].astype(two[name].dtype)
            elif two[name].dtype.kind in "iub":
                reads[name] = two[name]
            else:
                return None
        return reads


def _distance(of_a: Part, of_b: Part, one: Arrays, two: Arrays) -> Distance | None:
    return worst([distance(one[name], two[other]) for name, other in _pairs(of_a.writes, of_b.writes, one, two)])


def _pairs(of_a: Iterable[str], of_b: Iterable[str], one: Arrays, two: Arrays) -> Iterator[tuple[str, str]]:
    """Yield the values of both that belong together: by their names or, for the others, by their order and shapes."""
    names_a, names_b = ([name for name in names if name in arrays] for names, arrays in ((of_a, one), (of_b, two)))
    shared = [name for name in names_a if name in set(names_b) and one[name].shape == two[name].shape]
    yield from ((name, name) for name in shared)
    rest_a, rest_b = ([name for name in names if name not in shared] for names in (names_a, names_b))
    if len(rest_a) == len(rest_b):
        for name, other in zip(rest_a, rest_b, strict=True):
            if one[name].shape == two[other].shape and (one[name].dtype.kind == two[other].dtype.kind):
                yield name, other
