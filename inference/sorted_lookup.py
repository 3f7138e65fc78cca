"""A mapping from integers to floats that looks up whole arrays of keys."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from .arrays import Floats, Ids


class SortedLookup(NamedTuple):
    """Keys in ascending order without duplicates, and the value of each; both of shape (entries,)."""

    keys: Ids
    values: Floats

    @classmethod
    def of(cls, keys: Ids, values: Floats) -> Self:
        """Return a lookup of these keys, which may be in any order but have no duplicates."""
        order = np.argsort(keys)
        return cls(keys[order], values[order])

    def get(self, wanted: Ids, default: float) -> Floats:
        """Return the value of each wanted key, or `default` if there is none. The result has the shape of `wanted`."""
        if not len(self.keys):
            return np.full(wanted.shape, default)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.values[at], default)
