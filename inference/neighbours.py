"""Where a node's neighbours (all its producers, or all its consumers) are, relative to each of its candidates."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from .arrays import Flags, Floats, Ids, concatenated_ranges
from .candidates import Candidates
from .scope_tree import ScopeTree


class Neighbours(NamedTuple):
    """Shares of the neighbours of each row's node, and LCAs of the modules of each node's neighbours.

    A share is a sum over the neighbours divided by their number (0 without neighbours): float64, shape (rows,). Known
    neighbours count 1 in the shares `known_*` and inferred ones count their probability in the shares `inferred_*`.
    A neighbour is `here` if it is in the candidate itself, `below` if it is in a descendant of it, else `elsewhere`.

    An LCA is int64, shape (nodes,), UNKNOWN without neighbours. `nonleaf_lca` counts a leaf module as its parent.
    """

    known_here: Floats
    known_below: Floats
    known_elsewhere: Floats
    inferred_here: Floats
    inferred_below: Floats
    inferred_elsewhere: Floats
    lca: Ids
    nonleaf_lca: Ids

    @classmethod
    def of(
        cls,
        *,
        nodes: Ids,
        neighbours: Ids,
        scope: Ids,
        probability: Floats,
        is_known: Flags,
        candidates: Candidates,
        tree: ScopeTree,
    ) -> Self:
        """Compute the shares and the LCAs.

        `nodes` and `neighbours` are the ends of each edge, shape (edges,). `scope` is the assigned module of each node,
        `probability` that of the assignment, and `is_known` whether the node is known, shape (nodes,).
        """
        order = np.argsort(nodes, kind="stable")
        nodes, neighbours = nodes[order], neighbours[order]
        degree = np.bincount(nodes, minlength=len(scope))
        first_edge = np.cumsum(degree) - degree
        count = degree[candidates.node]
        row, edge = concatenated_ranges(first_edge[candidates.node], count)
        neighbour = neighbours[edge]
        candidate = candidates.scope[row]
        here = scope[neighbour] == candidate
        inside = tree.is_descendant(scope[neighbour], candidate)
        known = is_known[neighbour]
        inferred = np.where(known, 0.0, probability[neighbour])
        total = np.maximum(count, 1)

        def share(values: Flags | Floats) -> Floats:
            return np.bincount(row, values, len(count)) / total

        return cls(
            known_here=share(here & known),
            known_below=share(inside & ~here & known),
            known_elsewhere=share(~inside & known),
            inferred_here=share(here * inferred),
            inferred_below=share((inside & ~here) * inferred),
            inferred_elsewhere=share(~inside * inferred),
            lca=tree.segment_lca(nodes, scope[neighbours], len(scope)),
            nonleaf_lca=tree.segment_lca(nodes, tree.self_or_parent_of_leaf[scope[neighbours]], len(scope)),
        )
