"""Regions of a graphsurgeon graph: the main graph, every subgraph of a node, and every function body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import onnx_graphsurgeon as gs


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A graph whose nodes run in order.

    `position` is empty for the main graph, `#12/then_branch` for a subgraph of its node 12 (counted from 0), and
    `domain::name` for a function body. Further functions with the same domain and name have the positions
    `domain::name:1`, `domain::name:2`, ... `holder` is the node that has the subgraph as an attribute, and `parent` is
    the region of `holder`.
    """

    graph: gs.Graph
    position: str
    holder: gs.Node | None = None
    parent: Region | None = None

    @property
    def is_function(self) -> bool:
        """Whether this is the body of a local function."""
        return isinstance(self.graph, gs.Function)

    @property
    def function(self) -> gs.Function | None:
        """The function whose body contains this region; None if the main graph contains it."""
        outermost = list(self.enclosing_graphs())[-1]
        return outermost if isinstance(outermost, gs.Function) else None

    def enclosing_graphs(self) -> Iterator[gs.Graph]:
        """Yield this region's graph and the graphs around it, innermost first."""
        region: Region | None = self
        while region is not None:
            yield region.graph
            region = region.parent

    def position_of(self, index: int) -> str:
        """Return the position of the node with this index, in the form of the command line (`#12/then_branch#3`)."""
        return f"{self.position}#{index}"


def regions(graph: gs.Graph) -> list[Region]:
    """Return all regions of a model: the main graph first, function bodies last, each followed by its subgraphs."""
    found = list(regions_within(Region(graph, "")))
    seen: dict[str, int] = {}
    for function in graph.functions:
        name = f"{function.domain}::{function.name}"
        overload = seen[name] = seen.get(name, -1) + 1
        found += regions_within(Region(function, f"{name}:{overload}" if overload else name))
    return found


def regions_within(*holders: Region) -> Iterator[Region]:
    """Yield regions, each followed by the regions in it."""
    pending = list(reversed(holders))
    while pending:
        current = pending.pop()
        yield current
        inner = [
            Region(graph, f"{current.position_of(index)}/{name}", node, current)
            for index, node in enumerate(current.graph.nodes)
            if node.attrs
            for name, graph in subgraphs(node)
        ]
        pending.extend(reversed(inner))


def nodes_with_position(regions_in: Iterable[Region]) -> Iterator[tuple[str, gs.Node]]:
    """Yield the position of every node of some regions, and the node."""
    for region in regions_in:
        for index, node in enumerate(region.graph.nodes):
            yield region.position_of(index), node


def subgraphs(node: gs.Node) -> Iterator[tuple[str, gs.Graph]]:
    """Yield the subgraphs of a node, each with its attribute name (with an index if it is in a list: `name[0]`)."""
    for name, value in node.attrs.items():
        if isinstance(value, gs.Graph):
            yield name, value
        elif isinstance(value, list):
            for index, graph in enumerate(cast("list[object]", value)):
                if isinstance(graph, gs.Graph):
                    yield f"{name}[{index}]", graph
