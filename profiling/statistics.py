"""Medians over runs, with intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_SEED = 20
_RESAMPLES = 400
# Both ends of the interval, which then covers 95%.
_PERCENTILES = (2.5, 97.5)
# Columns that are resampled at once, so that the memory stays below 100 MB for 1,000 runs. Not tuned.
_COLUMNS = 32

Samples = npt.NDArray[np.float64]


class Intervals(NamedTuple):
    """Medians and 95% intervals of them, one for each column."""

    median: Samples
    low: Samples
    high: Samples

    def scaled(self, factor: float) -> Intervals:
        """Return the same intervals in another unit."""
        return Intervals(self.median * factor, self.low * factor, self.high * factor)


def median_intervals(samples: Samples, rounding: Samples) -> Intervals:
    """Return the median of each column of (runs, columns), with the bootstrap interval of the median.

    Runs are resampled as a whole, so that what slows a whole run slows all of its columns. `rounding` is the error of
    each column that comes from a clock of whole units, by which the interval is wider at both ends.
    """
    median = np.median(samples, axis=0)
    runs = samples.shape[0]
    chosen = np.random.default_rng(_SEED).integers(0, runs, size=(_RESAMPLES, runs))
    low, high = np.empty_like(median), np.empty_like(median)
    for start in range(0, samples.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        medians = np.median(samples[:, columns][chosen], axis=1)
        low[columns], high[columns] = np.percentile(medians, _PERCENTILES, axis=0)
    return Intervals(median, np.maximum(low - rounding, 0.0), high + rounding)


def least_disturbed(switches: Samples) -> npt.NDArray[np.bool_]:
    """Return which runs to keep: those with at most the median number of involuntary context switches.

    On a busy machine the system takes the processor away in some runs, and the waiting time is in whatever node ran.
    """
    return switches <= np.median(switches) if len(switches) else np.zeros(0, bool)
