"""How far two tensors are apart."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 20
"""Elements that are compared at a time, so that no large copy is made."""


class Distance(NamedTuple):
    """The distance of a tensor from another, the expected one.

    snr: signal-to-noise ratio in decibels, infinite if the tensors are equal, None if their shapes differ or if one of
        them has a value that is not finite where the other has not the same one.
    max_abs: the largest absolute difference of finite elements.
    nan, inf: how many elements are NaN or infinite that are not in the expected tensor.
    """

    snr: float | None
    max_abs: float
    nan: int
    inf: int

    @property
    def is_equal(self) -> bool:
        """Whether the tensors are equal element by element."""
        return self.snr == math.inf and not (self.nan or self.inf)

    @property
    def quality(self) -> float:
        """The signal-to-noise ratio, negative infinity if there is none."""
        return -math.inf if self.snr is None or self.nan or self.inf else self.snr


def distance(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> Distance:
    """Return the distance of `found` from `expected`. Integers and booleans are compared as numbers."""
    if expected.shape != found.shape:
        return Distance(None, math.inf, 0, 0)
    if not (_is_number(expected) and _is_number(found)):
        return Distance(math.inf if np.array_equal(expected, found) else None, 0.0, 0, 0)
    signal = noise = max_abs = 0.0
    nan = inf = 0
    flat = (expected.reshape(-1), found.reshape(-1))
    for start in range(0, max(1, expected.size), _CHUNK):
        one, two = (array[start : start + _CHUNK].astype(np.float64) for array in flat)
        nan += int((np.isnan(two) & ~np.isnan(one)).sum())
        inf += int((np.isinf(two) & ~(np.isinf(one) & (one == two))).sum())
        finite = np.isfinite(one) & np.isfinite(two)
        difference = one[finite] - two[finite]
        signal += float(np.square(one[finite]).sum())
        noise += float(np.square(difference).sum())
        max_abs = max(max_abs, float(np.abs(difference).max(initial=0.0)))
    return Distance(_decibels(signal, noise), max_abs, nan, inf)


def worst(distances: list[Distance]) -> Distance | None:
    """Return the lowest ratio, the largest difference and all counts; None if there are no distances."""
    if not distances:
        return None
    lowest = min(distances, key=lambda found: found.quality)
    return Distance(
        lowest.snr,
        max(found.max_abs for found in distances),
        sum(found.nan for found in distances),
        sum(found.inf for found in distances),
    )


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _is_number(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind in "biuf"
