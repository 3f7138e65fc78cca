"""The names of the nodes, one on each line."""

from __future__ import annotations

from ...errors import HpassError, quoted
from ...graph.node_source import NodeT
from ..selection import Selection


def write(selection: Selection[NodeT]) -> str:
    """Return the names. Raises HpassError if a node has no name of its own, or one that does not fit on a line."""
    return "\n".join(printable_names(selection))


def printable_names(selection: Selection[NodeT]) -> list[str]:
    """Return the names. Raises HpassError as `write` does."""
    for name in selection.names:
        if not name.isprintable():
            raise HpassError(
                f"{selection.model.name}: the node name {quoted(name)} has characters that cannot be printed; "
                "`hpass run --passes all,rename` gives every node another name"
            )
    return selection.names
