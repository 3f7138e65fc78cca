"""The candidate modules of each node: the modules that it may have run in.

Module calls are properly nested, contiguous intervals of the node order. Between two anchors the innermost running
module therefore changes along the path from the first anchor's module up to the lowest common ancestor (LCA) and down
to the second anchor's, and the modules on this path are candidates. So are the LCA's next two ancestors, because a
module may have returned and been called again. Features may add others (`feature_context.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .anchors import Anchors
from .arrays import Ids
from .scope_tree import ScopeTree


@dataclass(frozen=True)
class Candidates:
    """Rows (node, module) in ascending order without duplicates; both arrays are int64, shape (rows,).

    Only unknown nodes have rows.
    """

    node: Ids
    scope: Ids

    @classmethod
    def of(cls, rows: list[tuple[Ids, Ids]], tree: ScopeTree) -> Candidates:
        """Return the union of several arrays of rows (node, module). Rows with an UNKNOWN module are left out."""
        keys = np.sort(np.concatenate([(node * len(tree) + scope)[scope >= 0] for node, scope in rows]))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        return cls(keys // len(tree), keys % len(tree))

    @cached_property
    def starts(self) -> Ids:
        """The first row of each unknown node, shape (unknown nodes,)."""
        return np.flatnonzero(np.diff(self.node, prepend=-1))

    @cached_property
    def node_index(self) -> Ids:
        """The index in `starts` of each row's node, shape (rows,)."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.node))))

    def rows(self, nodes: Ids, scopes: Ids, tree: ScopeTree) -> Ids:
        """Return the row of each pair of a node and a module, all of which must be candidates."""
        return np.searchsorted(self.node * len(tree) + self.scope, nodes * len(tree) + scopes)


def paths_between_anchors(nodes: Ids, tree: ScopeTree, anchors: Anchors) -> tuple[Ids, Ids]:
    """Return rows (node, module on the path between the node's anchors), both of shape (rows,)."""
    paths: dict[tuple[int, int], list[int]] = {}
    lengths = np.empty(len(nodes), np.int64)
    scopes: list[int] = []
    for row, ends in enumerate(zip(anchors.before[nodes].tolist(), anchors.after[nodes].tolist(), strict=True)):
        if ends not in paths:
            path, lca = tree.path_between(*ends)
            paths[ends] = [*path, *tree.path_to_root(lca)[1:3]]
        lengths[row] = len(paths[ends])
        scopes.extend(paths[ends])
    return np.repeat(nodes, lengths), np.array(scopes, np.int64)
