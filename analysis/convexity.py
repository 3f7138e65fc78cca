"""Which modules are not convex: something they compute leaves them and comes back through another module.

Such a module cannot be cut out of the graph as one piece: a block that is called twice, a mask computed in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import onnx_graphsurgeon as gs

from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from ..tags.scope import natural_sort_key, parent
from ..tags.tag_store import TagStore

# Modules whose nodes lie scattered over the graph cost a walk each; all walks together stay linear in nodes.
_BUDGET = 20


def nonconvex_modules(graph: gs.Graph, tag_store: TagStore, table: ModuleTable) -> list[str]:
    """Return the modules of the main graph that are not convex, in natural order, as far as the budget goes."""
    nodes = graph.nodes
    scopes = ["" if tag is None else tag.scope for tag in tag_store.tags_of(nodes)]
    modules = {scope: [*_called_upwards(scope, table)] for scope in dict.fromkeys(scopes)}
    members: dict[str, list[int]] = defaultdict(list)
    for index, scope in enumerate(scopes):
        for module in modules[scope]:
            members[module].append(index)
    scattered = {scope: inside for scope, inside in members.items() if inside[-1] - inside[0] >= len(inside)}
    if not scattered:
        return []
    producers = _producers(list(nodes))
    left = _BUDGET * len(nodes)
    found: list[str] = []
    for scope, inside in sorted(scattered.items(), key=lambda item: item[1][-1] - item[1][0]):
        left -= inside[-1] - inside[0]
        if left < 0:
            break
        if _comes_back(inside, producers):
            found.append(scope)
    return sorted(found, key=natural_sort_key)


def _called_upwards(scope: str, table: ModuleTable) -> Iterator[str]:
    """Yield a module and the called modules above it, but for the root, which holds everything."""
    while scope:
        if table.is_called(scope):
            yield scope
        scope = parent(scope)


def _producers(nodes: list[gs.Node]) -> list[list[int]]:
    positions: IdentityMap[gs.Node, int] = IdentityMap()
    for index, node in enumerate(nodes):
        positions[node] = index
    found: list[list[int]] = []
    for node in nodes:
        indices: list[int] = []
        for tensor in node.inputs:
            for producer in tensor.inputs:
                index = positions.get(producer)
                if index is not None:
                    indices.append(index)
        found.append(indices)
    return found


def _comes_back(inside: list[int], producers: list[list[int]]) -> bool:
    """Whether a path leads from one of these nodes over a node outside to another of them."""
    members = set(inside)
    outside: set[int] = set()
    for index in range(inside[0], inside[-1] + 1):
        if index in members:
            if any(producer in outside for producer in producers[index]):
                return True
        elif any(producer in members or producer in outside for producer in producers[index]):
            outside.add(index)
    return False
