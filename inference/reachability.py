"""Which known nodes a node is connected with, through any number of unknown ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .candidates import UNKNOWN
from .dataflow import Dataflow
from .scope_tree import Ids, ScopeTree


class Reachable(NamedTuple):
    """For each node the nearest known node that it is connected with in one direction, and where all of them meet.

    Both are modules, UNKNOWN where it is connected with none.
    """

    nearest: Ids
    lca: Ids


def reachable_modules(flow: Dataflow, known: Ids, tree: ScopeTree, *, forwards: bool) -> Reachable:
    """Return what the nodes are connected with among their consumers (`forwards`) or their producers.

    `known` holds the module of each node, or UNKNOWN.
    """
    count = len(flow)
    scopes, enter = known.tolist(), tree.preorder.tolist()
    closer = min if forwards else max
    nearest = [count if forwards else -1] * count
    first, last = [len(tree)] * count, [-1] * count
    # Files are sorted: whatever a node is connected with in this direction has had its turn.
    ours, theirs = (flow.sources, flow.targets) if forwards else (flow.targets, flow.sources)
    order = np.argsort(-ours if forwards else ours, kind="stable")
    for node, other in zip(ours[order].tolist(), theirs[order].tolist(), strict=True):
        scope = scopes[other]
        if scope >= 0:
            place = enter[scope]
            nearest[node] = closer(nearest[node], other)
            first[node], last[node] = min(first[node], place), max(last[node], place)
        else:
            nearest[node] = closer(nearest[node], nearest[other])
            first[node], last[node] = min(first[node], first[other]), max(last[node], last[other])
    near, ends = np.array(nearest, np.int64), np.array(last, np.int64)
    connected = np.flatnonzero(ends >= 0)
    found = [np.full(count, UNKNOWN, np.int64) for _ in range(2)]
    found[0][connected] = known[near[connected]]
    found[1][connected] = tree.lca(
        tree.by_preorder[np.array(first, np.int64)[connected]], tree.by_preorder[ends[connected]]
    )
    return Reachable(*found)
