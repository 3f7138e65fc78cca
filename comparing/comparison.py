"""The result of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .exclusion import Exclusion
from .fault import Fault
from .metrics import Distance
from .weights import WeightComparison


@dataclass(frozen=True)
class ModuleDistance:
    """How far a module of B is from that of A, at worst over all inputs.

    accumulated: of what it computes, both models run from their inputs.
    local: of what it computes from the values that A's module reads; None if that could not be measured.
    nodes: its nodes in B.
    arithmetic: in which numbers it computes in B, a key of `arithmetic.THRESHOLDS_DB`; float32 if A has no finer ones.
    """

    accumulated: Distance | None
    local: Distance | None
    nodes: int
    arithmetic: str


@dataclass(frozen=True)
class Comparison:
    """Two models compared.

    outputs: the distance of the models' outputs.
    threshold: the ratio in decibels from which on outputs agree.
    first: the module that goes wrong first; None if the outputs agree or if no module stands out.
    path: the modules from the root to `first`.
    outliers: all modules that stand out, with how far below what is expected they are, in decibels.
    modules: the modules that were measured.
    unpaired: modules that only one of the models has.
    random: modules that draw random numbers, which are not compared.
    fault: what is wrong in `first`.
    weights: the weights of both; None if they were not compared.
    exclusions: modules that make the outputs better if A computes them, best first; None if that was not asked for.
    inputs: the number of inputs.
    runs: how often each of the two models ran with each of the inputs.
    """

    a: str
    b: str
    outputs: Distance
    threshold: float
    first: str | None
    path: Sequence[str]
    outliers: Mapping[str, float]
    modules: Mapping[str, ModuleDistance]
    unpaired: Sequence[str]
    random: Sequence[str]
    fault: Fault | None
    weights: WeightComparison | None
    inputs: int
    runs: int
    exclusions: Sequence[Exclusion] | None = None

    @property
    def agrees(self) -> bool:
        """Whether the outputs agree, and no module stands out if some depend on random numbers."""
        return self.outputs.quality >= self.threshold and self.first is None
