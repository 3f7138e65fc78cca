"""Compare the weights of two models by their contents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..graph.model import Model
from ..restore.weight_storage import StoredWeight, model_weights
from .metrics import distance

_ROUNDED_DB = 50.0
"""The ratio from which on a weight of fewer bits is that of more, in decibels: rounding to float16 leaves about 70, to
bfloat16 about 55. Not tuned."""


@dataclass(frozen=True)
class WeightComparison:
    """The weights that both models have by name.

    compared: their number.
    modules: the modules that read those that differ, by more than rounding if their types differ.
    """

    compared: int
    modules: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON."""
        return {"compared": self.compared, "modules": list(self.modules)}


def compare_weights(a: Model, b: Model, modules: Mapping[str, str]) -> WeightComparison:
    """Compare the weights of two models of the same name and shape. `modules` are those that read A's weights."""
    others = {weight.name: weight for weight in model_weights(b)}
    compared = 0
    differing: dict[str, None] = {}
    for weight in model_weights(a):
        other = others.get(weight.name)
        if other is None or other.shape != weight.shape or weight.name not in modules:
            continue
        compared += 1
        if not _is_same(weight, other):
            differing[modules[weight.name]] = None
    return WeightComparison(compared, tuple(differing))


def _is_same(weight: StoredWeight, other: StoredWeight) -> bool:
    one, two = weight.elements(), other.elements()
    found = distance(one, two)
    return found.is_equal or (one.dtype != two.dtype and found.quality >= _ROUNDED_DB)
