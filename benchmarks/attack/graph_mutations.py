"""Mutations of graphs: cycles, other edges and orders, repeated nodes and attributes, subgraphs, many readers."""

from __future__ import annotations

from random import Random
from typing import Any

import onnx
from onnx import AttributeProto

from hpass.graph.walk import GraphLike, graphs_within

from .hostile_text import name

_DEEPEST = 6
_WIDEST = 60
_TYPES = list(AttributeProto.AttributeType.values())


def mutate_graph(random: Random, model: onnx.ModelProto) -> None:
    """Change one to six things in the graphs of a model in place."""
    changes = (_connect, _reverse, _shuffle, _drop, _repeat, _add_attribute, _repeat_attribute, _nest, _widen, _declare)
    for _ in range(random.randint(1, 6)):
        graph = random.choice(list(graphs_within(model.graph, *model.functions)))
        if graph.node:
            random.choice(changes)(random, graph)


def _connect(random: Random, graph: GraphLike) -> None:
    """Make a node read any value, a later one among them, so that cycles come about."""
    values = [value for node in graph.node for value in (*node.input, *node.output) if isinstance(value, str)]
    for _ in range(random.randint(1, 3)):
        node = random.choice(graph.node)
        value = random.choice(values) if values else ""
        if node.input and random.random() < 0.7:
            node.input[random.randrange(len(node.input))] = value
        else:
            node.input.append(value)


def _reverse(random: Random, graph: GraphLike) -> None:
    """Swap what a node reads and writes."""
    node = random.choice(graph.node)
    inputs, outputs = list(node.input), list(node.output)
    del node.input[:], node.output[:]
    node.input.extend(value for value in outputs if isinstance(value, str))
    node.output.extend(value for value in inputs if isinstance(value, str))


def _shuffle(random: Random, graph: GraphLike) -> None:
    nodes = [_copy(node) for node in graph.node]
    random.shuffle(nodes)
    _replace(graph, nodes)


def _drop(random: Random, graph: GraphLike) -> None:
    del graph.node[random.randrange(len(graph.node))]


def _repeat(random: Random, graph: GraphLike) -> None:
    nodes = [_copy(node) for node in graph.node]
    nodes[random.randint(0, len(nodes)) : 0] = [_copy(random.choice(nodes)) for _ in range(random.choice((1, 1, 5)))]
    _replace(graph, nodes)


def _add_attribute(random: Random, graph: GraphLike) -> None:
    node = random.choice(graph.node)
    for _ in range(random.randint(1, 3)):
        attribute = node.attribute.add(name=random.choice(("value", "axis", name(random))), type=random.choice(_TYPES))
        attribute.i = random.randint(-3, 3)
        attribute.s = random.randbytes(2)
        attribute.floats.append(float("nan"))
        if random.random() < 0.3:
            attribute.t.dims.append(random.randint(-1, 3))
        if random.random() < 0.2:
            attribute.ref_attr_name = name(random)


def _repeat_attribute(random: Random, graph: GraphLike) -> None:
    node = random.choice([node for node in graph.node if node.attribute] or list(graph.node))
    if node.attribute:
        again = node.attribute.add()
        again.CopyFrom(random.choice(node.attribute))
        if random.random() < 0.5:
            again.type = random.choice(_TYPES)


def _nest(random: Random, graph: GraphLike) -> None:
    """Put copies of the nodes into a subgraph of one of them, several levels deep."""
    holder = random.choice(graph.node)
    copied = [_copy(node) for node in random.sample(list(graph.node), k=min(len(graph.node), 3))]
    for level in range(random.randint(1, _DEEPEST)):
        several = random.random() < 0.2
        kind = AttributeProto.GRAPHS if several else AttributeProto.GRAPH
        attribute = holder.attribute.add(name=random.choice(("then_branch", "body", f"g{level}")), type=kind)
        inner = attribute.graphs.add() if several else attribute.g
        inner.name = f"level{level}"
        inner.node.extend(copied)
        holder = random.choice(inner.node)


def _widen(random: Random, graph: GraphLike) -> None:
    """Add many readers of one value, or one reader of many values."""
    nodes = list(graph.node)
    values = [value for value in random.choice(nodes).output if isinstance(value, str)] or [""]
    count = random.randint(2, _WIDEST)
    if random.random() < 0.5:
        graph.node.add(op_type="Concat", name=name(random)).input.extend(values[:1] * count)
    for index in range(count):
        added = graph.node.add(
            op_type=random.choice(("Relu", "Cast", "Shape")), name=random.choice(("", f"/n/{index}"))
        )
        added.input.append(values[0])
        added.output.append(f"wide{index}")


def _declare(random: Random, graph: GraphLike) -> None:
    """Declare values as inputs and outputs of the graph."""
    values = [value for value in random.choice(graph.node).output if isinstance(value, str)]
    declared: Any = random.choice((graph.input, graph.output))
    for value in values:
        if isinstance(graph, onnx.FunctionProto):
            declared.append(value)
        else:
            declared.add(name=value)


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def _replace(graph: GraphLike, nodes: list[onnx.NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)
