"""How far two tensors are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 20
"""Elements that are compared at a time, so that no large copy is made."""

_RELATIVE_FLOOR = 0.01
"""A relative difference is that to the element, or to this part of the root mean square if that is more."""

_HUGE, _LARGE = 1e8, 1e4
"""A number from the first on stands for infinity, as in masks, and converters to float16 make one of at least the
second of it."""

_MAX_HALF = 65504.0
"""The largest finite number of float16."""


class Distance(NamedTuple):
    """The distance of a tensor from another, the expected one.

    snr: signal-to-noise ratio in decibels, infinite if the tensors are equal, None if their shapes differ or if one of
        them has a value that is not finite where the other has not the same one.
    max_abs: the largest absolute difference of finite elements.
    nan, inf: how many elements are NaN, or infinite or huge, in only one of the tensors.
    cosine: of the angle between the tensors; None if one of them is zero.
    max_rel: the largest relative difference of finite elements.
    beyond_half: how many finite elements of the expected tensor float16 cannot hold.
    """

    snr: float | None
    max_abs: float
    nan: int
    inf: int
    cosine: float | None = None
    max_rel: float = 0.0
    beyond_half: int = 0

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
    signal = power = product = noise = max_abs = max_rel = 0.0
    nan = inf = beyond_half = 0
    for one, _ in _chunks(expected, found):
        signal += float(np.square(one[np.abs(one) < _HUGE]).sum())
    floor = _RELATIVE_FLOOR * math.sqrt(signal / max(1, expected.size))
    for one, two in _chunks(expected, found):
        nan += int((np.isnan(one) != np.isnan(two)).sum())
        inf += int(_are_huge_differently(one, two).sum())
        beyond_half += int((np.isfinite(one) & (np.abs(one) > _MAX_HALF)).sum())
        ordinary = (np.abs(one) < _HUGE) & (np.abs(two) < _HUGE)
        size = np.abs(one[ordinary])
        difference = np.abs(one[ordinary] - two[ordinary])
        noise += float(np.square(difference).sum())
        power += float(np.square(two[ordinary]).sum())
        product += float((one[ordinary] * two[ordinary]).sum())
        max_abs = max(max_abs, float(difference.max(initial=0.0)))
        max_rel = max(max_rel, float((difference / np.maximum(size, floor or 1.0)).max(initial=0.0)))
    cosine = product / math.sqrt(signal * power) if signal and power else None
    return Distance(_decibels(signal, noise), max_abs, nan, inf, cosine, max_rel, beyond_half)


def worst(distances: Sequence[Distance]) -> Distance | None:
    """Return the lowest ratio and cosine, the largest differences and all counts; None if there are no distances."""
    if not distances:
        return None
    lowest = min(distances, key=lambda found: found.quality)
    return Distance(
        lowest.snr,
        max(found.max_abs for found in distances),
        sum(found.nan for found in distances),
        sum(found.inf for found in distances),
        min((found.cosine for found in distances if found.cosine is not None), default=None),
        max(found.max_rel for found in distances),
        sum(found.beyond_half for found in distances),
    )


def _chunks(
    expected: npt.NDArray[Any], found: npt.NDArray[Any]
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    flat = (expected.reshape(-1), found.reshape(-1))
    for start in range(0, max(1, expected.size), _CHUNK):
        one, two = (array[start : start + _CHUNK].astype(np.float64) for array in flat)
        yield one, two


def _are_huge_differently(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which elements are infinite or huge in one tensor, and something else in the other."""
    is_like = (np.abs(one) >= _LARGE) & (np.abs(two) >= _LARGE) & (np.sign(one) == np.sign(two))
    is_huge = (np.abs(one) >= _HUGE) | ((np.abs(two) >= _HUGE) & np.isfinite(two))
    has_huge = (np.abs(one) >= _HUGE) | (np.abs(two) >= _HUGE)
    return has_huge & ~(is_like & is_huge) & ~np.isnan(one) & ~np.isnan(two)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _is_number(array: npt.NDArray[Any]) -> bool:
    return np.can_cast(array.dtype, np.float64)
