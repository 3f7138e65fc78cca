"""Find nodes by a node name, a value name or a position."""

from __future__ import annotations

from itertools import islice

from ..errors import UsageError, nearest
from ..graph.node_source import Node, NodeSource, NodeT

# The maximum number of names that an unknown name is compared with, which takes 0.6 s.
_MAX_COMPARED_NAMES = 20_000


def find_nodes(model: NodeSource[NodeT], text: str) -> list[tuple[str, NodeT]]:
    """Return all nodes that a text refers to, each with its position.

    The text is a node name, a value name, or a position such as `#12/then_branch#3`. A value name refers to the
    node that writes the value, or, if no node writes it, to the nodes that read it.

    Raises UsageError, with the nearest names, if there is no such node.
    """
    found = [(at, node) for at, node in model.nodes_with_position() if text in (node.name, at) or _writes(node, text)]
    if not found:
        found = [
            (at, node) for at, node in model.nodes_with_position() if any(value.name == text for value in node.inputs)
        ]
    if not found or not text:
        raise UsageError(f"no node or value is named '{text}'{nearest(text, _known_names(model))}")
    return found


def _writes(node: Node, name: str) -> bool:
    return any(value.name == name for value in node.outputs)


def _known_names(model: NodeSource[NodeT]) -> list[str]:
    names = dict.fromkeys(name for at, node in model.nodes_with_position() for name in (node.name, at) if name)
    return list(islice(names, _MAX_COMPARED_NAMES))
