"""Which module an auxiliary operation at the root works for.

A mask, a position or a shape is often computed where the model starts and used deep inside. Such an operation ran at
the root; what it serves is the nearest module that holds all the work it prepares.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx_graphsurgeon as gs

from ..graph.operators import is_auxiliary
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from ..tags.scope import lca
from ..tags.tag_format import Source, Tag
from ..tags.tag_store import TagStore


def served_modules(graph: gs.Graph, tags: TagStore, modules: ModuleTable) -> Iterator[tuple[gs.Node, str]]:
    """Yield the auxiliary nodes at the root of the main graph that work for one module below it, with that module."""
    outputs: IdentityMap[gs.Tensor, None] = IdentityMap()
    for tensor in graph.outputs:
        outputs[tensor] = None
    served: IdentityMap[gs.Node, str] = IdentityMap()
    # Consumers stand behind their producers, so in reverse order they are settled first.
    nodes = list(reversed(graph.nodes))
    for node, tag in zip(nodes, tags.tags_of(nodes), strict=True):
        if tag is None or tag.scope or tag.source is Source.FALLBACK:
            continue
        scope = _served_module(node, outputs, served, tags, modules)
        served[node] = scope
        if scope and is_auxiliary(node):
            yield node, scope


def _served_module(
    node: gs.Node,
    outputs: IdentityMap[gs.Tensor, None],
    served: IdentityMap[gs.Node, str],
    tags: TagStore,
    modules: ModuleTable,
) -> str:
    """Return the nearest called module that holds all of a root node's consumers; the root where they have none."""
    scopes: list[str] = []
    for tensor in node.outputs:
        if tensor in outputs:
            return ""
        for consumer in tensor.outputs:
            tag = _evident_tag(consumer, tags)
            scopes.append("" if tag is None else tag.scope or served.get(consumer) or "")
    return modules.nearest_called(lca(scopes))


def _evident_tag(node: gs.Node, tags: TagStore) -> Tag | None:
    """Return the tag of a node, unless the fallback gave it: a first run lacks it at this point."""
    tag = tags.get(node)
    return None if tag is not None and tag.source is Source.FALLBACK else tag
