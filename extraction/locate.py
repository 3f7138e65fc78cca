"""Find the graph of a model in which a module runs, and the module's nodes in it."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from ..graph.walk import attribute_graphs, nodes_within
from ..tags.scope import is_descendant
from ..tags.tag_format import read_tag


def graphs_of(model: onnx.ModelProto, scope: str) -> tuple[list[onnx.GraphProto], list[int]]:
    """Return the innermost graph that has all nodes of a module, behind the graphs around it, and the nodes between.

    The nodes are the positions of those that hold the next graph as an attribute.
    """
    graphs, holders = [model.graph], list[int]()
    while True:
        found = members(graphs[-1], scope)
        if len(found) != 1 or _is_in(graphs[-1].node[found[0]], scope):
            return graphs, holders
        inner = [graph for graph in _subgraphs(graphs[-1].node[found[0]]) if members(graph, scope)]
        if len(inner) != 1:
            return graphs, holders
        graphs.append(inner[0])
        holders.append(found[0])


def members(graph: onnx.GraphProto, scope: str) -> list[int]:
    """Return the nodes of a graph that ran in a module, or that have such a node in a subgraph, by position."""
    return [
        index
        for index, node in enumerate(graph.node)
        if _is_in(node, scope)
        or (node.attribute and any(_is_in(inner, scope) for inner in nodes_within(*_subgraphs(node))))
    ]


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    return attribute_graphs(node.attribute)


def _is_in(node: onnx.NodeProto, scope: str) -> bool:
    tag = read_tag(node)
    return tag is not None and is_descendant(tag.scope, scope)
