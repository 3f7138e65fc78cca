"""Regions: the main graph, every subgraph of a node, and every function body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import onnx_graphsurgeon as gs


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A list of nodes that run in order.

    `position` is empty for the main graph, `#12/then_branch` for a subgraph of its node 12 (counted from 0),
    `domain::name` for a function body; where a domain and name come twice, the later ones are `domain::name:1` and
    so on. `holder` is the node that holds a subgraph, `parent` the region that the holder is in.
    """

    graph: gs.Graph
    position: str
    holder: gs.Node | None = None
    parent: Region | None = None

    @property
    def is_function(self) -> bool:
        """Whether this is the body of a local function."""
        return isinstance(self.graph, gs.Function)

    def position_of(self, index: int) -> str:
        """Return the position of the node with this index, as the command line takes it (`#12/then_branch#3`)."""
        return f"{self.position}#{index}"


def regions(graph: gs.Graph) -> list[Region]:
    """Return all regions of a model: each before its subgraphs, the main graph first, function bodies last."""
    found = list(regions_within(Region(graph, "")))
    seen: dict[str, int] = {}
    for function in graph.functions:
        name = f"{function.domain}::{function.name}"
        overload = seen[name] = seen.get(name, -1) + 1
        found += regions_within(Region(function, f"{name}:{overload}" if overload else name))
    return found


def regions_within(*holders: Region) -> Iterator[Region]:
    """Yield regions, each followed by those in it."""
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


def nodes_with_position(among: Iterable[Region]) -> Iterator[tuple[str, gs.Node]]:
    """Yield every node of some regions, with its position."""
    for region in among:
        for index, node in enumerate(region.graph.nodes):
            yield region.position_of(index), node


def subgraphs(node: gs.Node) -> Iterator[tuple[str, gs.Graph]]:
    """Yield the subgraphs that a node holds, with the attribute (and index, in a list of graphs) of each."""
    for name, value in node.attrs.items():
        if isinstance(value, gs.Graph):
            yield name, value
        elif isinstance(value, list):
            for index, graph in enumerate(cast("list[object]", value)):
                if isinstance(graph, gs.Graph):
                    yield f"{name}[{index}]", graph
