"""The result of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .metrics import Distance


@dataclass(frozen=True)
class ModuleDistance:
    """How far a module of B is from that of A.

    accumulated: of what it computes, both models run from their inputs.
    local: of what it computes from the values that A's module reads; None if that could not be measured.
    nodes: its nodes in B.
    """

    accumulated: Distance | None
    local: Distance | None
    nodes: int


@dataclass(frozen=True)
class Comparison:
    """Two models compared.

    outputs: the distance of the models' outputs.
    threshold: the ratio in decibels from which on outputs agree.
    first: the module that goes wrong first; None if the outputs agree or if no module stands out.
    path: the modules that were opened, from the root to `first`.
    unpaired: modules that only one of the models has.
    runs: how often each of the two models ran.
    """

    a: str
    b: str
    outputs: Distance
    threshold: float
    first: str | None
    path: Sequence[str]
    modules: Mapping[str, ModuleDistance]
    unpaired: Sequence[str]
    runs: int

    @property
    def agrees(self) -> bool:
        """Whether the outputs agree."""
        return self.outputs.quality >= self.threshold
