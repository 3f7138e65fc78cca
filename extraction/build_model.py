"""Build the model of a piece: its nodes with their tags, the weights they read, and the functions they call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import onnx

from ..graph.dataflow import Dataflow
from ..graph.walk import nodes_within
from ..tags.tag_edits import set_entry
from ..tags.tag_format import CALL
from .piece import Piece


def build_model(
    model: onnx.ModelProto, flow: Dataflow, piece: Piece, types: Mapping[str, onnx.TypeProto]
) -> onnx.ModelProto:
    """Return the model of a piece. `types` has the types of the values at its border."""
    built = onnx.ModelProto()
    for field, value in model.ListFields():
        if field.name in ("opset_import", "metadata_props"):
            getattr(built, field.name).MergeFrom(value)
        elif field.name not in ("graph", "functions", "training_info"):
            setattr(built, field.name, value)
    _build_graph(built.graph, flow, piece, types)
    built.functions.extend(_called_functions(model, built.graph.node))
    return built


def _build_graph(graph: onnx.GraphProto, flow: Dataflow, piece: Piece, types: Mapping[str, onnx.TypeProto]) -> None:
    graph.name = flow.graphs[-1].name
    graph.metadata_props.extend(flow.graphs[0].metadata_props)
    positions = sorted({*piece.nodes, *piece.copies})
    graph.node.extend(piece.copies.get(index) or flow.nodes[index] for index in positions)
    for node in graph.node:
        # The numbers are those of calls in the whole model.
        set_entry(node, CALL, None)
    border = {*piece.inputs, *piece.outputs}
    values = {name for index in positions for name in flow.writes[index]} | set(piece.inputs)
    read = {name for index in positions for name in flow.reads[index]}
    declared = {value.name: value for source in flow.graphs for value in (*source.value_info, *source.input)}
    for source in flow.graphs:
        graph.initializer.extend(tensor for tensor in source.initializer if tensor.name in read)
        graph.sparse_initializer.extend(sparse for sparse in source.sparse_initializer if sparse.values.name in read)
        graph.quantization_annotation.extend(
            note for note in source.quantization_annotation if note.tensor_name in values | read
        )
        graph.value_info.extend(
            value for value in source.value_info if value.name in values | read and value.name not in border
        )
    graph.input.extend(_value(name, types, declared) for name in piece.inputs)
    # Before IR version 4, a weight is an input as well.
    graph.input.extend(
        value for source in flow.graphs for value in source.input if value.name in read and value.name in flow.weights
    )
    graph.output.extend(_value(name, types, declared) for name in piece.outputs)


def _value(
    name: str, types: Mapping[str, onnx.TypeProto], declared: Mapping[str, onnx.ValueInfoProto]
) -> onnx.ValueInfoProto:
    value = onnx.ValueInfoProto()
    if name in declared:
        value.CopyFrom(declared[name])
    value.name = name
    if name in types:
        value.type.CopyFrom(types[name])
    return value


def _called_functions(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> list[onnx.FunctionProto]:
    """Return the functions that nodes call, and those that these call, in the order of the file."""
    functions = {(function.domain, function.name, function.overload): function for function in model.functions}
    called: set[tuple[str, str, str]] = set()
    pending = [node for graph in (onnx.GraphProto(node=nodes),) for node in nodes_within(graph)]
    while pending:
        node = pending.pop()
        key = (node.domain, node.op_type, node.overload)
        if key in functions and key not in called:
            called.add(key)
            pending.extend(nodes_within(functions[key]))
    return [function for key, function in functions.items() if key in called]
