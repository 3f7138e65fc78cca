"""The known nodes that each node reaches along dataflow edges through unknown nodes only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import UNKNOWN, Ids, as_ints
from .dataflow import Dataflow
from .scope_tree import ScopeTree


class Reachable(NamedTuple):
    """The modules of the known nodes that each node reaches in one direction; UNKNOWN if it reaches none.

    Both arrays are int64, shape (nodes,): the module of the reached node nearest in node order, and the LCA of all.
    """

    nearest: Ids
    lca: Ids


def reachable_modules(flow: Dataflow, known_scope: Ids, tree: ScopeTree, *, downstream: bool) -> Reachable:
    """Return what each node reaches downstream (along its consumers) or upstream (along its producers).

    `known_scope` is the module of each node, UNKNOWN for unknown nodes. One pass over the edges in topological order;
    the LCA of a set is the LCA of its first and its last module in preorder, so only those two are carried along.
    """
    count = len(flow)
    scopes, preorder = as_ints(known_scope), as_ints(tree.preorder)
    nearer = min if downstream else max
    nearest = [count if downstream else -1] * count
    first, last = [len(tree)] * count, [-1] * count
    near, far = (flow.sources, flow.targets) if downstream else (flow.targets, flow.sources)
    order = np.argsort(-near if downstream else near, kind="stable")
    for node, neighbour in zip(as_ints(near[order]), as_ints(far[order]), strict=True):
        scope = scopes[neighbour]
        if scope >= 0:
            rank = preorder[scope]
            nearest[node] = nearer(nearest[node], neighbour)
            first[node], last[node] = min(first[node], rank), max(last[node], rank)
        else:
            nearest[node] = nearer(nearest[node], nearest[neighbour])
            first[node], last[node] = min(first[node], first[neighbour]), max(last[node], last[neighbour])
    reaching = np.flatnonzero(np.array(last, np.int64) >= 0)
    nearest_scope, lca = (np.full(count, UNKNOWN, np.int64) for _ in range(2))
    nearest_scope[reaching] = known_scope[np.array(nearest, np.int64)[reaching]]
    first_rank, last_rank = (np.array(ranks, np.int64)[reaching] for ranks in (first, last))
    lca[reaching] = tree.lca(tree.by_preorder[first_rank], tree.by_preorder[last_rank])
    return Reachable(nearest_scope, lca)
