"""The anchors around each node: the nearest nodes before and after it whose modules are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Ids
from .scope_tree import ScopeTree


@dataclass(frozen=True)
class Anchors:
    """The modules of the nearest anchors before and after each node, and the distances to them in nodes.

    All arrays are int64, shape (nodes,). An anchor's nearest anchor is itself, at distance 0. The ends of the region
    count as anchors in the region's own module, one before the first node and one after the last.
    """

    before: Ids
    after: Ids
    distance_before: Ids
    distance_after: Ids

    @classmethod
    def of(cls, anchor_scope: Ids, region_scope: int) -> Anchors:
        """Find the anchors; `anchor_scope` is the module of each node that is one, UNKNOWN for the others."""
        count = len(anchor_scope)
        index = np.arange(count)
        last = np.maximum.accumulate(np.where(anchor_scope >= 0, index, -1)) if count else index
        following = np.where(anchor_scope >= 0, index, count)
        following = np.minimum.accumulate(following[::-1])[::-1] if count else index
        padded = np.append(anchor_scope, region_scope)
        return cls(
            before=np.where(last >= 0, padded[last], region_scope),
            after=padded[following],
            distance_before=index - last,
            distance_after=following - index,
        )

    def lca(self, tree: ScopeTree) -> Ids:
        """Return the LCA of the anchors before and after each node, shape (nodes,)."""
        return tree.lca(self.before, self.after)
