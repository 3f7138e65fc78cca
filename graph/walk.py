"""Iterate over the graphs, nodes and tensors of a model's messages, at any depth, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
from onnx import AttributeProto, TensorProto

GraphLike = onnx.GraphProto | onnx.FunctionProto
"""A message with nodes."""

# Attribute types without tensors.
_PLAIN = frozenset(
    (
        AttributeProto.INT,
        AttributeProto.INTS,
        AttributeProto.FLOAT,
        AttributeProto.FLOATS,
        AttributeProto.STRING,
        AttributeProto.STRINGS,
    )
)


def attribute_graphs(attributes: Iterable[AttributeProto]) -> Iterator[onnx.GraphProto]:
    """Yield the graphs in attributes."""
    for attribute in attributes:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def graphs_within(*holders: GraphLike) -> Iterator[GraphLike]:
    """Yield graphs and functions, each followed by its subgraphs."""
    pending = list(reversed(holders))
    while pending:
        holder = pending.pop()
        yield holder
        inner = [graph for node in holder.node if node.attribute for graph in attribute_graphs(node.attribute)]
        pending.extend(reversed(inner))


def nodes_within(*holders: GraphLike) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of graphs and functions, and of every subgraph in them."""
    for holder in graphs_within(*holders):
        yield from holder.node


def all_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of the main graph, of every subgraph and of every function body."""
    return nodes_within(model.graph, *model.functions)


def all_tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Yield every tensor of a model, including those of `training_info`. No values are read."""
    training = [graph for info in model.training_info for graph in (info.initialization, info.algorithm)]
    defaults = [graph for function in model.functions for graph in attribute_graphs(function.attribute_proto)]
    for holder in graphs_within(model.graph, *model.functions, *training, *defaults):
        if isinstance(holder, onnx.GraphProto):
            yield from holder.initializer
            yield from _sparse_parts(holder.sparse_initializer)
        else:
            yield from _attribute_tensors(holder.attribute_proto)
        for node in holder.node:
            if node.attribute:
                yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: Iterable[AttributeProto]) -> Iterator[TensorProto]:
    for attribute in attributes:
        if attribute.type in _PLAIN:
            continue
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from _sparse_parts((attribute.sparse_tensor,))
        yield from _sparse_parts(attribute.sparse_tensors)


def _sparse_parts(tensors: Iterable[onnx.SparseTensorProto]) -> Iterator[TensorProto]:
    for sparse in tensors:
        yield from (sparse.values, sparse.indices)
