"""The array types that inference works with, and a helper that concatenates ranges of indices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
"""Numbers of modules (`ScopeTree`) or of nodes (`Dataflow`)."""

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

UNKNOWN = -1
"""Stands in an array of numbers for a module or a node that is not known or does not exist."""


def as_ints(array: Ids) -> list[int]:
    """Return the elements of a flat array as Python's integers, which are faster to work with one by one."""
    return array.tolist()


def concatenated_ranges(starts: Ids, lengths: Ids) -> tuple[Ids, Ids]:
    """Return the ranges `starts[i], ..., starts[i] + lengths[i] - 1` for all `i`, one after the other.

    The result is two arrays of shape (sum of `lengths`,): the number `i` of each element's range, and the element.
    """
    number = np.repeat(np.arange(len(lengths)), lengths)
    offset = np.cumsum(lengths) - lengths
    return number, np.arange(len(number)) + np.repeat(starts - offset, lengths)
