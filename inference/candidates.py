"""Which modules a node may lie in: rows of (node, module).

Module calls are properly nested, contiguous intervals. Between two nodes whose modules are known, the open module
climbs from the first up to their common ancestor and down to the second, so the modules on this way are candidates;
the common ancestor's own parents too, because a module may have ended and been called again. Beyond the order, the
modules of a node's producers and consumers and of nodes alike to it are candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..analysis.call_order import Call
from .scope_tree import Ids, ScopeTree

UNKNOWN = -1


@dataclass(frozen=True)
class Anchors:
    """For each node the nearest known modules before and after it, and how many nodes away those are.

    Known nodes are their own gap. Before the first and after the last known node stands `around`, the module that the
    region itself runs in.
    """

    before: Ids
    after: Ids
    distance_before: Ids
    distance_after: Ids

    @classmethod
    def of(cls, known: Ids, around: int) -> Anchors:
        """Find the gaps between known modules (`UNKNOWN` elsewhere)."""
        count = len(known)
        index = np.arange(count)
        last = np.maximum.accumulate(np.where(known >= 0, index, -1)) if count else index
        following = np.where(known >= 0, index, count)
        following = np.minimum.accumulate(following[::-1])[::-1] if count else index
        padded = np.append(known, around)
        return cls(
            np.where(last >= 0, padded[last], around),
            padded[following],
            index - last,
            following - index,
        )


# How many modules that no node names are candidates for the nodes of one gap.
_MAX_UNNAMED_CALLS = 12


@dataclass(frozen=True)
class CallOrder:
    """The order of calls, in the tree's numbers: `place` of each module (or UNKNOWN), and the modules by place."""

    position: Ids
    modules: Ids

    @classmethod
    def of(cls, tree: ScopeTree, calls: Sequence[Call]) -> CallOrder:
        """Return the order of calls in a tree's numbers."""
        place = np.full(len(tree), UNKNOWN, np.int64)
        modules = np.array([tree.id(call.scope) or 0 for call in calls], np.int64)
        place[modules] = np.arange(len(modules))
        return cls(place, modules)

    def called_between(self, before: int, after: int) -> list[int]:
        """Return the modules called between two modules, where both are in the order and those are few."""
        if not len(self.modules):
            return []
        first, counts = self._spans(np.array([before]), np.array([after]))
        return self.modules[first[0] : first[0] + counts[0]].tolist()

    def between(self, nodes: Ids, anchors: Anchors) -> tuple[Ids, Ids]:
        """Return rows of nodes and the modules called between the ends of their gaps, where those are few."""
        first, counts = self._spans(anchors.before[nodes], anchors.after[nodes])
        rows = np.repeat(np.arange(len(nodes)), counts)
        within_row = np.arange(len(rows)) - np.repeat(np.append(0, np.cumsum(counts))[:-1], counts)
        return nodes[rows], self.modules[first[rows] + within_row] if len(rows) else rows

    def _spans(self, before: Ids, after: Ids) -> tuple[Ids, Ids]:
        """Return the place behind each module, and how many modules are called from there to the other one."""
        first, last = self.position[before] + 1, self.position[after]
        counts = last - first
        return first, np.where((first > 0) & (counts > 0) & (counts <= _MAX_UNNAMED_CALLS), counts, 0)


@dataclass(frozen=True)
class Candidates:
    """Rows of node and module, sorted by node, each pair once."""

    node: Ids
    scope: Ids

    @cached_property
    def starts(self) -> Ids:
        """Where each node's rows begin, in order of nodes."""
        return np.flatnonzero(np.diff(self.node, prepend=-1))

    @cached_property
    def node_index(self) -> Ids:
        """The place of each row's node among the nodes."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.node))))

    def rows(self, nodes: Ids, scopes: Ids, tree: ScopeTree) -> Ids:
        """Return the row of each pair of node and module, all of which are candidates."""
        return np.searchsorted(self.node * len(tree) + self.scope, nodes * len(tree) + scopes)

    @classmethod
    def of(cls, rows: list[tuple[Ids, Ids]], tree: ScopeTree) -> Candidates:
        """Return the candidates that are in any of the rows of node and module, UNKNOWN ones left out."""
        keys = np.sort(np.concatenate([(node * len(tree) + scope)[scope >= 0] for node, scope in rows]))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        return cls(keys // len(tree), keys % len(tree))


def paths_between(nodes: Ids, tree: ScopeTree, anchors: Anchors) -> tuple[Ids, Ids]:
    """Return rows of nodes and the modules on the way through their gaps."""
    found: dict[tuple[int, int], list[int]] = {}
    lengths = np.empty(len(nodes), np.int64)
    scopes: list[int] = []
    for row, pair in enumerate(zip(anchors.before[nodes].tolist(), anchors.after[nodes].tolist(), strict=True)):
        way = found.get(pair)
        if way is None:
            way = found[pair] = _path_through_gap(tree, *pair)
        lengths[row] = len(way)
        scopes.extend(way)
    return np.repeat(nodes, lengths), np.array(scopes, np.int64)


def _path_through_gap(tree: ScopeTree, before: int, after: int) -> list[int]:
    """Return the modules between two known ones: from each up to their common ancestor, and the two above it."""
    way, bottom = tree.path_between(before, after)
    return [*way, *tree.path(bottom)[1:3]]


def anchor_lca(tree: ScopeTree, anchors: Anchors) -> Ids:
    """Return the common ancestor of the known modules around each node: the answer of the order alone."""
    return tree.lca(anchors.before, anchors.after)


def segment_lca(owners: Ids, scopes: Ids, count: int, tree: ScopeTree) -> Ids:
    """Return the common ancestor of the scopes of each owner (0 to count); UNKNOWN for owners that have none.

    Of any set of modules, the first and the last that a walk over the tree enters have the same common ancestor as all.
    """
    first = np.full(count, len(tree), np.int64)
    last = np.full(count, UNKNOWN, np.int64)
    np.minimum.at(first, owners, tree.preorder[scopes])
    np.maximum.at(last, owners, tree.preorder[scopes])
    found = np.flatnonzero(last >= 0)
    result = np.full(count, UNKNOWN, np.int64)
    result[found] = tree.lca(tree.by_preorder[first[found]], tree.by_preorder[last[found]])
    return result
