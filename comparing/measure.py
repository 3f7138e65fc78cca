"""Measure parts of two models: in one run of each of the whole models, and of B's parts by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import HpassError
from .borders import Part
from .metrics import Distance, distance
from .outliers import ROUNDING_DB
from .pairing import Pairing
from .parts import Pair
from .side import ComparedModel
from .values import Compute, Job, Values

_HALF_BYTES = 2


@dataclass
class Measured:
    """What was measured of a part, with each of the inputs.

    accumulated: of what it computes, both models run from their inputs.
    local: of what it computes from the values that A's part reads.
    is_fed_right: whether it reads the same, but for rounding, when both models run from their inputs.
    borrowed: the modules with whose nodes it was measured, because what is between them has no counterpart in A.
    is_half: whether it reads or writes floating-point numbers of 16 bits.
    """

    accumulated: list[Distance] = field(default_factory=list[Distance])
    local: list[Distance] = field(default_factory=list[Distance])
    is_fed_right: bool = True
    is_half: bool = False
    borrowed: Sequence[str] = ()


@dataclass
class Measurement:
    """Two models, the inputs, and how their values are paired. `runs` counts runs of each model with each input."""

    a: ComparedModel
    b: ComparedModel
    inputs: Sequence[Values]
    pairing: Pairing
    compute: Compute
    runs: int = 0
    _last: Sequence[Job] = ()

    def parts(self, pairs: Sequence[Pair]) -> list[Measured]:
        """Return what is measured of each part. Raises HpassError if one of the models does not run."""
        grown = [pair._replace(b=self.b.borders.grown(pair.b, self.pairing.is_known)) for pair in pairs]
        results = self.run(
            [name for pair in grown for name in self.pairing.needed(pair.a, pair.b)],
            [name for pair in grown for name in (*pair.b.reads, *pair.b.writes)],
        )
        found = [Measured(borrowed=_borrowed(pair, part.b, pairs)) for pair, part in zip(pairs, grown, strict=True)]
        jobs: dict[tuple[int, int], Job] = {}
        for number, (one, two) in enumerate(results):
            for index, pair in enumerate(grown):
                measured = found[index]
                border = [two[name].dtype for name in (*pair.b.reads, *pair.b.writes) if name in two]
                measured.is_half |= any(dtype.kind in "fV" and dtype.itemsize == _HALF_BYTES for dtype in border)
                counterparts = self.pairing.counterparts(pair.a.reads, pair.b.reads, one, two)
                distances = (distance(one[other], two[name]) for name, other in counterparts.items())
                measured.is_fed_right &= all(found.quality >= ROUNDING_DB for found in distances)
                measured.accumulated += self._written(pair, one, two, two)
                reads = reads_of(pair.b, counterparts, one, two)
                if reads is not None and pair.b.writes:
                    types = {name: two[name].dtype for name in pair.b.reads}
                    jobs[number, index] = self.b.local_job(f"part{number}-{index}", pair.b, reads, types)
        for (number, index), result in zip(jobs, self.compute(list(jobs.values())), strict=True):
            # A part that does not run by itself is not measured.
            if isinstance(result, Values):
                found[index].local += self._written(grown[index], *results[number], result)
        for job in jobs.values():
            job.remove()
        return found

    def run(self, of_a: Iterable[str], of_b: Iterable[str]) -> list[tuple[Values, Values]]:
        """Run both models and return values of theirs, with each of the inputs. Raises HpassError if one fails.

        The files of the values are deleted when the models run again.
        """
        names_a, names_b = list(of_a), list(of_b)
        jobs = [
            side.job(f"run{self.runs}-{number}", inputs, names)
            for number, inputs in enumerate(self.inputs)
            for side, names in ((self.a, names_a), (self.b, names_b))
        ]
        found = self.compute_all(jobs)
        return [
            (self.a.given(inputs) | one, self.b.given(inputs) | two)
            for inputs, one, two in zip(self.inputs, found[::2], found[1::2], strict=True)
        ]

    def output_pairs(self) -> list[tuple[str, str]]:
        """Return the outputs of A with those of B, but for random ones: of the same name or, if none is, in order."""
        common = set(self.a.outputs) & set(self.b.outputs)
        pairs = [(name, name) for name in self.a.outputs if name in common]
        random = self.a.borders.random_values | self.b.borders.random_values
        return [pair for pair in pairs or zip(self.a.outputs, self.b.outputs, strict=False) if random.isdisjoint(pair)]

    def call_count(self, scope: str) -> int:  # noqa: ARG002 - a file does not tell calls apart
        """Return how often a module is called; 0 if that is unknown."""
        return 0

    def compute_all(self, jobs: Sequence[Job]) -> list[Values]:
        """Run whole models and return their values. Raises HpassError if one does not run."""
        for job in self._last:
            job.remove()
        self.runs += 1
        self._last = jobs
        return [_required(values, job) for values, job in zip(self.compute(jobs), jobs, strict=True)]

    def _written(self, pair: Pair, one: Values, two: Values, found: Values) -> list[Distance]:
        """Return the distances of what a part writes. `two` has the values of B as a whole, `found` those compared."""
        written = self.pairing.counterparts(pair.a.writes, pair.b.writes, one, two)
        return [distance(one[other], found[name]) for name, other in written.items() if name in found]


def _borrowed(pair: Pair, grown: Part, pairs: Sequence[Pair]) -> list[str]:
    """Return the modules that have nodes with which a part was grown to be measured, before its own last node."""
    more = {at for at in set(grown.positions).difference(pair.b.positions) if at < pair.b.positions[-1]}
    return [other.name for other in pairs if not (other.is_own or more.isdisjoint(other.b.positions))] if more else []


def reads_of(part: Part, counterparts: dict[str, str], one: Values, two: Values) -> Values | None:
    """Return what B's part reads, with A's values; None if a floating-point value has no counterpart in A.

    Shapes, indices and masks that A does not have are B's own.
    """
    paths: dict[str, Path] = {}
    for name in part.reads:
        if name not in two:
            return None
        own = two[name]
        if name in counterparts and one[counterparts[name]].shape == own.shape:
            paths[name] = one.paths[counterparts[name]]
        elif own.dtype.kind in "iub":
            paths[name] = two.paths[name]
        else:
            return None
    return Values(paths)


def _required(found: Values | str, job: Job) -> Values:
    if isinstance(found, str):
        raise HpassError(f"{job.request['name']}: {found}")
    return found
