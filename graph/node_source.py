"""What is asked of a model whose tags are stored: its nodes, the functions they call, and their `hpass.*` keys.

A Model answers with graphsurgeon's nodes, and a TaggedFile, which starts faster, with its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from ..tags.module_table import ModuleTable
from ..tags.tag_format import Tag

FunctionKey = tuple[str, str, str]
"""The domain, name and overload of a local function."""


class Value(Protocol):
    """A value that a node reads or writes. Its name is empty if it is left out."""

    @property
    def name(self) -> str:
        """The name."""
        ...


class Node(Protocol):
    """A node of a model."""

    @property
    def name(self) -> str:
        """The name, which may be empty."""
        ...

    @property
    def op(self) -> str:
        """The operator."""
        ...

    @property
    def domain(self) -> str | None:
        """The domain of the operator; None or empty for the default one."""
        ...

    @property
    def inputs(self) -> Sequence[Value]:
        """The values that the node reads."""
        ...

    @property
    def outputs(self) -> Sequence[Value]:
        """The values that the node writes."""
        ...


NodeT = TypeVar("NodeT", bound=Node)


class NodeSource(Protocol[NodeT]):
    """A model of which the nodes are known. `name` is how messages call it."""

    @property
    def name(self) -> str:
        """How messages call the model, usually its path."""
        ...

    def nodes(self) -> Iterator[NodeT]:
        """Yield every node of every region."""
        ...

    def main_nodes(self) -> Iterator[NodeT]:
        """Yield the nodes of the main graph and its subgraphs."""
        ...

    def function_regions(self) -> Iterator[tuple[FunctionKey, list[NodeT]]]:
        """Yield the nodes of each function body and of each subgraph in one, with the function."""
        ...

    def nodes_with_position(self) -> Iterator[tuple[str, NodeT]]:
        """Yield the position of every node, such as `#12/then_branch#3`, and the node."""
        ...

    def call_key(self, node: NodeT) -> FunctionKey:
        """Return the domain, name and overload of the function that a node calls, if it calls any."""
        ...

    def stored_entries(self, node: NodeT) -> list[tuple[str, str]]:
        """Return the `hpass.*` keys and values that the file has for a node."""
        ...

    def stored_tag(self, node: NodeT) -> Tag | None:
        """Return the tag of a node in the file; None if it has none."""
        ...

    def stored_modules(self) -> ModuleTable | None:
        """Return the module table that hpass wrote; None if there is none. Raises HpassError if invalid."""
        ...
