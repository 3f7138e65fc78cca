"""Finding nodes by what a person calls them: a name, a value's name, or a position."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ..errors import UsageError, nearest
from ..graph.regions import nodes_with_position

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

    from ..graph.regions import Region

# Comparing a name with all those of a very large model would take seconds.
_COMPARED = 20_000


def find_nodes(regions: list[Region], text: str) -> list[tuple[str, gs.Node]]:
    """Return the nodes that a text means, each with its position; several where it means several.

    A text is the name of a node, the name of a value (the nodes that write it; where none does, those that
    read it), or a position like `#12/then_branch#3`.

    Raises UsageError, with the nearest names, where there is no such node.
    """
    found = [(at, node) for at, node in nodes_with_position(regions) if text in (node.name, at) or _writes(node, text)]
    if not found:
        found = [
            (at, node)
            for at, node in nodes_with_position(regions)
            if any(tensor.name == text for tensor in node.inputs)
        ]
    if not found or not text:
        raise UsageError(f"no node or value is named '{text}'{nearest(text, _names(regions))}")
    return found


def _writes(node: gs.Node, value: str) -> bool:
    return any(tensor.name == value for tensor in node.outputs)


def _names(regions: list[Region]) -> list[str]:
    names = dict.fromkeys(name for at, node in nodes_with_position(regions) for name in (node.name, at) if name)
    return list(islice(names, _COMPARED))
