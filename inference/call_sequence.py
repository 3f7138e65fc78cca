"""The order of the calls in a module table, in the numbers of a `ScopeTree`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.call_order import Call
from .anchors import Anchors
from .arrays import UNKNOWN, Ids, concatenated_ranges
from .scope_tree import ScopeTree

# If the table calls more modules than this between two anchors, none of them is a candidate. Not tuned; 6 costs 1.6
# points with a module table, 24 gains 0.1.
_MAX_CALLS_BETWEEN = 12


@dataclass(frozen=True)
class CallSequence:
    """The called modules of a table in the order of their first calls.

    `modules` has the shape (calls,); it is empty without a table. `position` has the shape (modules of the tree,): the
    index of each module in `modules`, or UNKNOWN.
    """

    modules: Ids
    position: Ids

    @classmethod
    def of(cls, tree: ScopeTree, calls: Sequence[Call]) -> CallSequence:
        """Return the sequence of some calls. A module that is not in the tree is taken for the root."""
        modules = np.array([tree.id(call.scope) or 0 for call in calls], np.int64)
        position = np.full(len(tree), UNKNOWN, np.int64)
        position[modules] = np.arange(len(modules))
        return cls(modules, position)

    def between(self, before: int, after: int) -> list[int]:
        """Return the modules called between two modules, or none if there are too many (`_MAX_CALLS_BETWEEN`)."""
        if not len(self.modules):
            return []
        start, count = self._spans(np.array([before]), np.array([after]))
        return self.modules[start[0] : start[0] + count[0]].tolist()

    def between_anchors(self, nodes: Ids, anchors: Anchors) -> tuple[Ids, Ids]:
        """Return rows (node, module called between the node's anchors), both of shape (rows,)."""
        start, count = self._spans(anchors.before[nodes], anchors.after[nodes])
        number, call = concatenated_ranges(start, count)
        return nodes[number], self.modules[call]

    def _spans(self, before: Ids, after: Ids) -> tuple[Ids, Ids]:
        """Return the position after each `before`, and the number of calls from there to its `after`."""
        start = self.position[before] + 1
        count = self.position[after] - start
        return start, np.where((start > 0) & (count > 0) & (count <= _MAX_CALLS_BETWEEN), count, 0)
