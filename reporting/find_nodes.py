"""Find nodes by a node name, a value name, a position, or the module that they run in."""

from __future__ import annotations

from itertools import islice

from ..errors import UsageError, nearest
from ..graph.node_source import Node, NodeSource, NodeT
from ..identity_map import IdentityMap
from ..selection.node_instances import NodeInstance, TagOf, node_instances
from ..tags.scope import is_descendant

# The maximum number of names that an unknown name is compared with, which takes 0.6 s.
_MAX_COMPARED_NAMES = 20_000


def find_nodes(model: NodeSource[NodeT], text: str) -> list[tuple[str, NodeT]]:
    """Return all nodes that a text refers to, each with its position; none if there is none.

    The text is a node name, a value name, or a position such as `#12/then_branch#3`. A value name refers to the
    node that writes the value, or, if no node writes it, to the nodes that read it.
    """
    if not text:
        return []
    found = [(at, node) for at, node in model.nodes_with_position() if text in (node.name, at) or _writes(node, text)]
    return found or [
        (at, node) for at, node in model.nodes_with_position() if any(value.name == text for value in node.inputs)
    ]


def find_in_module(model: NodeSource[NodeT], tag_of: TagOf[NodeT], scope: str) -> list[tuple[str, NodeInstance[NodeT]]]:
    """Return the nodes that run in a module or below it, each with its position in the file.

    A node of a function body is returned for each call that is in the module. Raises UsageError, with the nearest names
    of nodes and modules, if no node runs there.
    """
    instances = [found for found in node_instances(model, tag_of, with_calls=False) if found.tag is not None]
    inside = [found for found in instances if scope and is_descendant(found.scope, scope)]
    if not inside:
        names = dict.fromkeys(name for at, node in model.nodes_with_position() for name in (node.name, at))
        known = filter(None, dict.fromkeys((*(found.scope for found in instances), *names)))
        near = nearest(scope, islice(known, _MAX_COMPARED_NAMES))
        raise UsageError(f"no node, value or module is named '{scope}'{near}")
    positions: IdentityMap[NodeT, str] = IdentityMap()
    for position, node in model.nodes_with_position():
        positions[node] = position
    return [(positions[found.node], found) for found in inside]


def _writes(node: Node, name: str) -> bool:
    return any(value.name == name for value in node.outputs)
