"""Which modules to exclude from a conversion: those that make the outputs better if A computes them, which is tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from .borders import Borders, Part
from .measure import Measurement
from .metrics import Distance, distance, worst
from .outliers import Candidate
from .parts import Pair
from .values import Job, Values

_TRIALS_EACH, _MIN_TRIALS = 3, 8
"""How many modules are tried for each one that is asked for, and at least: those of the lowest local ratios."""


@dataclass(frozen=True)
class Exclusion:
    """A module to exclude, and the distance of the outputs without it and without it and those named before it."""

    scope: str
    alone: Distance
    together: Distance


def exclusions(
    measurement: Measurement, candidates: Sequence[Candidate], pairs: Mapping[str, Pair], outputs: Distance, limit: int
) -> list[Exclusion]:
    """Return at most `limit` modules, the one that makes the outputs better the most first.

    Each makes them better by itself, and better still than without those before it alone.
    A computes what an excluded module writes from what it reads in B, and B computes all that depends on it. The whole
    models run once more. `outputs` is the distance of the outputs if no module is excluded.
    """
    tried = [pairs[name] for name in _lowest(candidates)[: max(_MIN_TRIALS, _TRIALS_EACH * limit)] if name in pairs]
    trial = _Trial(measurement, [pair for pair in tried if not pair.is_own])
    alone = {pair.scope: found for pair in trial.pairs if (found := trial.outputs_without([pair])) is not None}
    found: list[Exclusion] = []
    excluded: list[Pair] = []
    best = outputs.quality
    by_gain = sorted((pair for pair in trial.pairs if pair.scope in alone), key=lambda pair: -alone[pair.scope].quality)
    for pair in by_gain:
        if len(found) == limit or alone[pair.scope].quality <= outputs.quality:
            break
        together = trial.outputs_without([*excluded, pair]) if excluded else alone[pair.scope]
        if together is not None and together.quality > best:
            best = together.quality
            excluded.append(pair)
            found.append(Exclusion(pair.scope, alone[pair.scope], together))
    return found


def _lowest(candidates: Sequence[Candidate]) -> list[str]:
    """Return the modules of the lowest local ratios, without those in which other modules were measured."""
    inmost = [found for found in candidates if not found.inner]
    return [found.name for found in sorted(inmost, key=lambda found: found.quality)]


class _Trial:
    """Runs B with some modules as A computes them. `pairs` are the modules that may be among them."""

    def __init__(self, measurement: Measurement, pairs: Sequence[Pair]) -> None:
        self._measurement = measurement
        a, b = measurement.a, measurement.b
        self.pairs = [pair._replace(b=b.borders.grown(pair.b, measurement.pairing.is_known)) for pair in pairs]
        self._outputs = measurement.output_pairs()
        behind = {pair.scope: _behind(pair.b, b.borders) for pair in self.pairs}
        needed = dict.fromkeys(
            name
            for pair in self.pairs
            for name in (*b.outputs, *pair.b.reads, *pair.b.writes, *behind[pair.scope].reads)
        )
        self._behind = {scope: _writing(part, needed, b.borders) for scope, part in behind.items()}
        self._values = measurement.run(
            [*a.outputs, *(name for pair in self.pairs for name in (*pair.a.reads, *pair.a.writes))], needed
        )
        self._numbers = count()

    def outputs_without(self, excluded: Sequence[Pair]) -> Distance | None:
        """Return the distance of the outputs, at worst over the inputs; None if A cannot compute a module for B."""
        jobs: list[Job] = []
        found: list[Distance] = []
        for one, two in self._values:
            values: Values | None = two
            for pair in sorted(excluded, key=lambda pair: pair.b.positions[0]):
                values = None if values is None else self._without(pair, one, values, jobs)
            if values is not None:
                found += [distance(one[name], values[other]) for name, other in self._outputs]
        result = worst(found) if len(found) == len(self._values) * len(self._outputs) else None
        for job in jobs:
            job.remove()
        return result

    def _without(self, pair: Pair, one: Values, values: Values, jobs: list[Job]) -> Values | None:
        """Return the values of B after A has computed what a module writes; None if that does not run."""
        a, b, pairing = self._measurement.a, self._measurement.b, self._measurement.pairing
        read = {name: own for own, name in pairing.counterparts(pair.a.reads, pair.b.reads, one, values).items()}
        given: dict[str, Values] = {name: values if name in read else one for name in pair.a.reads}
        if any(name not in read and one[name].dtype.kind not in "iub" for name in pair.a.reads):
            return None
        paths = {name: source.paths[read.get(name, name)] for name, source in given.items()}
        types = {name: one[name].dtype for name in pair.a.reads}
        computed = self._run(a.local_job(self._name(), pair.a, Values(paths), types), jobs)
        written = pairing.counterparts(pair.a.writes, pair.b.writes, one, values)
        if computed is None or not written:
            return None
        values |= Values({own: computed.paths[name] for own, name in written.items() if name in computed})
        behind = self._behind[pair.scope]
        if not behind.positions:
            return values
        types = {name: self._values[0][1][name].dtype for name in behind.reads}
        result = self._run(b.local_job(self._name(), behind, values, types), jobs)
        return None if result is None else values | result

    def _run(self, job: Job, jobs: list[Job]) -> Values | None:
        jobs.append(job)
        (result,) = self._measurement.compute([job])
        return result if isinstance(result, Values) else None

    def _name(self) -> str:
        return f"trial{next(self._numbers)}"


def _behind(part: Part, borders: Borders) -> Part:
    """Return the nodes that depend on what a part writes, but for those that compute nothing else."""
    changed = set(part.writes)
    positions: list[int] = []
    for at, node in enumerate(borders.graph.nodes):
        if not changed.isdisjoint(node.reads) and not set(node.writes) <= set(part.writes):
            positions.append(at)
            changed.update(node.writes)
    return borders.of_nodes(positions)


def _writing(part: Part, values: Iterable[str], borders: Borders) -> Part:
    """Return a part that writes all of these values that it computes."""
    computed = {name for at in part.positions for name in borders.graph.nodes[at].writes}
    writes = dict.fromkeys((*part.writes, *(name for name in values if name in computed)))
    return Part(part.positions, part.reads, tuple(writes))
