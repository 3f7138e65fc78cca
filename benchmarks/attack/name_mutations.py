"""Mutations of names: of nodes, values, weights, operators and graphs."""

from __future__ import annotations

from random import Random

import onnx

from hpass.graph.walk import all_nodes

from .hostile_text import name


def mutate_names(random: Random, model: onnx.ModelProto) -> None:
    """Rename one to six nodes, operators, weights or values in place."""
    for _ in range(random.randint(1, 6)):
        random.choice((_node, _node, _same_names, _operator, _weight, _value, _graph))(random, model)


def _node(random: Random, model: onnx.ModelProto) -> None:
    for node in _some_nodes(random, model):
        node.name = name(random)


def _same_names(random: Random, model: onnx.ModelProto) -> None:
    shared = random.choice(("", name(random)))
    for node in _some_nodes(random, model):
        node.name = shared


def _operator(random: Random, model: onnx.ModelProto) -> None:
    for node in _some_nodes(random, model):
        node.op_type = random.choice(("Constant", "If", "Loop", "Identity", "Shape", "MatMul", name(random)))
        node.domain = random.choice(("", "ai.onnx", "local", "pkg.onnxscript.torch_lib", name(random)))


def _weight(random: Random, model: onnx.ModelProto) -> None:
    """Rename a weight and all its readers."""
    if model.graph.initializer:
        tensor = random.choice(model.graph.initializer)
        _rename(model, tensor.name, f"{name(random)}{random.choice(('', '.weight', '.bias', '.running_mean'))}")


def _value(random: Random, model: onnx.ModelProto) -> None:
    values = [output for node in all_nodes(model) for output in node.output]
    if values:
        _rename(model, random.choice(values), name(random))


def _graph(random: Random, model: onnx.ModelProto) -> None:
    model.graph.name = name(random)
    for function in model.functions:
        function.name = random.choice((function.name, name(random)))


def _rename(model: onnx.ModelProto, old: str | bytes, new: str) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == old:
            tensor.name = new
    for node in all_nodes(model):
        for values in (node.input, node.output):
            for index, value in enumerate(values):
                if value == old:
                    values[index] = new


def _some_nodes(random: Random, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    nodes = list(all_nodes(model))
    return random.sample(nodes, k=min(len(nodes), random.choice((1, 1, 2, 5, len(nodes)))))
