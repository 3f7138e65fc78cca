"""Values by number, all looked up at once."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .scope_tree import Ids

Column = npt.NDArray[np.float64]


class SortedLookup(NamedTuple):
    """A value for each key; the keys are sorted, each once."""

    keys: Ids
    values: Column

    @classmethod
    def of(cls, keys: Ids, values: Column) -> Self:
        """Return the lookup of keys in any order, each once."""
        order = np.argsort(keys)
        return cls(keys[order], values[order])

    def get(self, wanted: Ids, otherwise: float) -> Column:
        """Return the value of each wanted key (in an array of any shape), `otherwise` where it has none."""
        if not len(self.keys):
            return np.full(wanted.shape, otherwise)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.values[at], otherwise)
