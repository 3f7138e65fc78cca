"""A walk over a model's messages leaves nothing out and keeps the order of the file."""

from __future__ import annotations

import onnx
from onnx import AttributeProto, TensorProto, helper

from hpass.graph.walk import all_nodes, all_tensors


def graph(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [], [TensorProto(name=f"{name}.weight")])


def node(name: str, *graphs: onnx.GraphProto) -> onnx.NodeProto:
    made = helper.make_node("Op", [], [], name)
    if graphs:
        made.attribute.add(name="one", type=AttributeProto.GRAPH).g.CopyFrom(graphs[0])
        made.attribute.add(name="more", type=AttributeProto.GRAPHS).graphs.extend(graphs[1:])
    return made


def model(main: onnx.GraphProto) -> onnx.ModelProto:
    made = helper.make_model(main)
    made.functions.add(name="f").node.append(node("in f", graph("below f", node("below f"))))
    return made


def test_nodes_come_in_the_order_of_the_file_each_graph_before_those_in_it() -> None:
    inner = graph("c", node("c1", graph("d", node("d1"))), node("c2"))
    made = model(graph("a", node("a1", graph("b", node("b1")), inner), node("a2")))

    assert [found.name for found in all_nodes(made)] == ["a1", "a2", "b1", "c1", "c2", "d1", "in f", "below f"]


def test_tensors_are_found_wherever_they_lie() -> None:
    made = model(graph("a", node("a1", graph("b"))))
    sparse = made.graph.sparse_initializer.add()
    sparse.values.name, sparse.indices.name = "values", "indices"
    holder = made.graph.node[0]
    holder.attribute.add(name="t", type=AttributeProto.TENSOR).t.name = "t"
    holder.attribute.add(name="ts", type=AttributeProto.TENSORS).tensors.add(name="ts")
    held = holder.attribute.add(name="s", type=AttributeProto.SPARSE_TENSOR).sparse_tensor
    held.values.name, held.indices.name = "s.values", "s.indices"
    made.functions[0].attribute_proto.add(name="d", type=AttributeProto.GRAPH).g.CopyFrom(graph("default"))
    training = made.training_info.add()
    training.initialization.CopyFrom(graph("initialization"))
    training.algorithm.CopyFrom(graph("algorithm"))

    assert {found.name for found in all_tensors(made)} == {
        *("a.weight", "b.weight", "below f.weight", "default.weight", "initialization.weight", "algorithm.weight"),
        *("values", "indices", "t", "ts", "s.values", "s.indices"),
    }
