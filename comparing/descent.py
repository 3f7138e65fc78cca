"""Find the module that goes wrong: measure the modules below the root, then those below the ones that may be wrong.

Only the borders of the modules of one depth are outputs in a run. So memory is bounded by one depth, the number of runs
by the depth of the model, and what a runtime fuses elsewhere stays fused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .arithmetic import EXACT, HALF
from .comparison import ModuleDistance
from .measure import Measured, Measurement
from .metrics import Distance, distance, worst
from .outliers import ROUNDING_DB, Candidate
from .parts import Pair, Parts

_CLEAR_DB = 40.0
"""A module whose ratio is by so much better than that of the outputs adds little to what is seen there: a hundredth of
the difference, if the modules behind it make it no larger. Not tuned."""


@dataclass
class Descent:
    """Two models, their parts, and how they are measured. `modules` and `pairs` have what `search` has measured."""

    measurement: Measurement
    parts: Parts
    modules: dict[str, ModuleDistance] = field(default_factory=dict[str, ModuleDistance])
    pairs: dict[str, Pair] = field(default_factory=dict[str, Pair])

    def outputs(self) -> Distance:
        """Run both models and return the distance of their outputs, but for random ones.

        Raises HpassError if one of the models does not run.
        """
        a, b = self.measurement.a, self.measurement.b
        found = [
            distance(one[name], two[other])
            for one, two in self.measurement.run(a.outputs, b.outputs)
            for name, other in self.measurement.output_pairs()
            if name in one and other in two
        ]
        return worst(found) or Distance(math.inf, 0.0, 0, 0)

    def search(self, outputs: Distance, *, everything: bool = False) -> list[Candidate]:
        """Measure modules depth by depth and return them in the order of calls, with the own nodes of those opened.

        Modules are opened that may be to blame for the distance of the outputs; all of them if `everything` is True.
        """
        found: dict[str, Candidate] = {}
        opened = [""]
        depth = 0
        while opened:
            depth += 1
            pairs = [pair for scope in opened for pair in self.parts.below(scope)]
            self.pairs.update((pair.name, pair) for pair in pairs)
            if pairs:
                for pair, measured in zip(pairs, self.measurement.parts(pairs), strict=True):
                    candidate = self._candidate(pair, measured, depth, outputs.quality)
                    if candidate is not None:
                        found[pair.name] = candidate
            opened = [
                pair.scope for pair in pairs if not pair.is_own and (everything or not _is_right(found.get(pair.name)))
            ]
        return list(self._in_order("", found))

    def _candidate(self, pair: Pair, measured: Measured, depth: int, outputs_db: float) -> Candidate | None:
        a, b = self.measurement.a.borders, self.measurement.b.borders
        numbers = b.arithmetic(pair.b)
        if measured.is_half and numbers == EXACT:
            numbers = HALF
        if numbers == a.arithmetic(pair.a):
            # Then B may be expected to compute what A does.
            numbers = EXACT
        accumulated, local = worst(measured.accumulated), worst(measured.local)
        if not pair.is_own:
            self.modules[pair.scope] = ModuleDistance(accumulated, local, len(pair.b.positions), numbers)
        judged = local if local is not None or not measured.is_fed_right else accumulated
        if judged is None or a.is_random(pair.a) or b.is_random(pair.b):
            return None
        kind = self.parts.table[pair.scope].bare_class if pair.scope in self.parts.table else None
        return Candidate(
            pair.name,
            f"own nodes of {kind}" if pair.is_own else kind,
            depth,
            numbers,
            judged.quality,
            ROUNDING_DB if numbers == EXACT else outputs_db + _CLEAR_DB,
            measured.borrowed,
        )

    def _in_order(self, scope: str, found: Mapping[str, Candidate]) -> Iterator[Candidate]:
        """Yield what was measured below a module, each part before those in it."""
        for pair in self.parts.below(scope):
            inner: Sequence[str] = () if pair.is_own else [below.name for below in self.parts.below(pair.scope)]
            if pair.name in found:
                candidate = found[pair.name]
                is_whole = all(name in found for name in inner)
                yield replace(candidate, inner=[*inner, *candidate.inner], is_whole=is_whole)
            if inner:
                yield from self._in_order(pair.scope, found)


def _is_right(candidate: Candidate | None) -> bool:
    # If the outputs are not finite, the bar is lower than any ratio, but a module that is not finite is still wrong.
    return candidate is not None and candidate.quality >= candidate.bar and candidate.quality > -math.inf
