"""A pass that rewrites the graph changes what it means to change, and nothing else.

Each case is an edit of graphsurgeon's graph and the same edit of the message, made by hand: the written model must be
that message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
import onnx.parser
import onnx_graphsurgeon as gs
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

import hpass
from hpass.graph.graph_diff import count_edits
from hpass.graph.strip import strip
from hpass.graph.walk import all_nodes

TEXT = """
<ir_version: 10, opset_import: ["" : 20, "local" : 1]>
g (float[2] x, bool c) => (float[2] y)
<float[2] w = {1, 2}, float[2] k = {3, 4}, float[2] unread = {5, 6}, float[2] a, float[2] b>
{
    [first] a = Relu(x)
    [second] b = Add(a, w)
    [third] s = LeakyRelu<alpha = 0.5>(b)
    [number] n = Constant<value = float[2] {7, 8}>()
    [branch] d = If(c) <
        then_branch = t () => (float[2] e) <float[2] i = {1, 2}> {
            [inner] f = Mul(s, k)
            [inner2] e = Sub(f, i)
        },
        else_branch = o () => (float[2] h) { [other] h = Add(b, n) }
    >
    [call] r = local.twice(d)
    [last] y = Add(r, n)
}
<domain: "local", opset_import: ["" : 20]>
twice (p) => (q) { [body] t = Abs(p) [body2] q = Exp(t) }
"""

UNKNOWN_FIELD = b"\xc2\x3e\x05hello"  # field 1000, a string


def sample() -> onnx.ModelProto:
    """Return the model above with everything about it that graphsurgeon does not know."""
    model = onnx.parser.parse_model(TEXT)
    for node in all_nodes(model):
        node.doc_string = f"about {node.name}"
        node.metadata_props.add(key="namespace", value=node.name)
        node.MergeFromString(UNKNOWN_FIELD)
    third = by_name(model, "third")
    third.attribute.append(helper.make_attribute("kind", helper.make_tensor_type_proto(TensorProto.FLOAT, [2])))
    third.attribute.add(name="many", type=AttributeProto.TENSORS, tensors=[numpy_helper.from_array(np.float32([1, 2]))])
    third.attribute.add(name="empty", type=AttributeProto.INTS)
    third.attribute[0].doc_string = "a slope"
    graph = model.graph
    graph.quantization_annotation.add(tensor_name="a", quant_parameter_tensor_names=[{"key": "SCALE", "value": "k"}])
    graph.metadata_props.add(key="author", value="x")
    for info in (*graph.input, *graph.output, *graph.value_info):
        info.doc_string = f"value {info.name}"
    graph.initializer[0].doc_string = "a weight"
    graph.MergeFromString(UNKNOWN_FIELD)
    return model


def by_name(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in all_nodes(model) if node.name == name)


def find(model: hpass.Model, name: str) -> gs.Node:
    return next(node for node in model.nodes() if node.name == name)


def region(model: hpass.Model, name: str) -> gs.Graph:
    """Return the graph that the node of this name lies in."""
    return next(part.graph for part in model.regions() if any(node.name == name for node in part.graph.nodes))


def initializer(graph: onnx.GraphProto, name: str) -> TensorProto:
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def value(graph: onnx.GraphProto, name: str) -> onnx.ValueInfoProto:
    return next(info for info in (*graph.input, *graph.output, *graph.value_info) if info.name == name)


def drop(field: Any, name: str) -> None:
    del field[next(index for index, item in enumerate(field) if item.name == name)]


def insert(nodes: Any, index: int, *new: onnx.NodeProto) -> None:
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del nodes[:]
    nodes.extend([*kept[:index], *new, *kept[index:]])


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Rename a value wherever a node reads or writes it."""
    for node in all_nodes(model):
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]


def then_branch(model: onnx.ModelProto) -> onnx.GraphProto:
    holders = (attribute.g for node in model.graph.node for attribute in node.attribute if attribute.name.endswith("h"))
    return next(graph for graph in holders if any(node.name == "inner2" for node in graph.node))


# The edits: first of graphsurgeon's graph, then of the message.


def change_an_operator(model: hpass.Model) -> None:
    find(model, "first").op = "Sigmoid"


def change_an_operator_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "first").op_type = "Sigmoid"


def change_an_attribute(model: hpass.Model) -> None:
    find(model, "third").attrs["alpha"] = 0.25


def change_an_attribute_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "third").attribute[0].f = 0.25


def change_attributes_of_all_kinds(model: hpass.Model) -> None:
    node = find(model, "third")
    del node.attrs["alpha"]
    node.attrs["empty"] = [1, 2]
    node.attrs["text"] = "new"


def change_attributes_of_all_kinds_by_hand(model: onnx.ModelProto) -> None:
    attributes = by_name(model, "third").attribute
    drop(attributes, "alpha")
    next(attribute for attribute in attributes if attribute.name == "empty").ints.extend([1, 2])
    attributes.append(helper.make_attribute("text", "new"))


def change_a_constant_node(model: hpass.Model) -> None:
    node = find(model, "number")
    node.attrs["value"].values = np.float32([9, 9])


def change_a_constant_node_by_hand(model: onnx.ModelProto) -> None:
    tensor = by_name(model, "number").attribute[0].t
    tensor.CopyFrom(numpy_helper.from_array(np.float32([9, 9]), tensor.name))


def create_in_the_main_graph(model: hpass.Model) -> None:
    graph = model.graph
    first, second = find(model, "first"), find(model, "second")
    out = gs.Variable("new_value", np.dtype("float32"), [2])
    node = gs.Node("Add", "new", {}, [first.outputs[0], gs.Constant("new_weight", np.float32([5, 5]))], [out])
    second.inputs[0] = out
    graph.nodes.insert(1, node)


def create_in_the_main_graph_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "second").input[0] = "new_value"
    insert(model.graph.node, 1, helper.make_node("Add", ["a", "new_weight"], ["new_value"], "new"))
    model.graph.initializer.append(numpy_helper.from_array(np.float32([5, 5]), "new_weight"))
    model.graph.value_info.append(helper.make_tensor_value_info("new_value", TensorProto.FLOAT, [2]))


def create_in_a_subgraph(model: hpass.Model) -> None:
    inner = find(model, "inner")
    out = gs.Variable("new_value")
    constant = gs.Constant("new_weight", np.float32([5, 5]))
    node = gs.Node("Custom", "new", {"n": 1}, [inner.outputs[0], constant], [out], "my.domain")
    find(model, "inner2").inputs[0] = out
    region(model, "inner").nodes.insert(1, node)


def create_in_a_subgraph_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "inner2").input[0] = "new_value"
    new = helper.make_node("Custom", ["f", "new_weight"], ["new_value"], "new", domain="my.domain", n=1)
    insert(then_branch(model).node, 1, new)
    then_branch(model).initializer.append(numpy_helper.from_array(np.float32([5, 5]), "new_weight"))
    model.opset_import.add(domain="my.domain", version=1)


def create_in_a_function(model: hpass.Model) -> None:
    body = find(model, "body")
    out = gs.Variable("new_value")
    constant = gs.Constant("new_weight", np.float32([5, 5]))
    node = gs.Node("Custom", "new", {}, [body.outputs[0], constant], [out], "my.domain")
    find(model, "body2").inputs[0] = out
    region(model, "body").nodes.insert(1, node)


def create_in_a_function_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "body2").input[0] = "new_value"
    weight = numpy_helper.from_array(np.float32([5, 5]), "new_weight")
    constant = helper.make_node("Constant", [], ["new_weight"], value=weight)
    new = helper.make_node("Custom", ["t", "new_weight"], ["new_value"], "new", domain="my.domain")
    insert(model.functions[0].node, 1, new)
    insert(model.functions[0].node, 0, constant)
    model.functions[0].opset_import.add(domain="my.domain", version=1)


def remove_a_node(model: hpass.Model) -> None:
    graph = model.graph
    second, third = find(model, "second"), find(model, "third")
    others = [node for node in model.nodes() if second.outputs[0] in list(node.inputs) and node is not third]
    for node in (third, *others):
        node.inputs = [second.inputs[0] if tensor is second.outputs[0] else tensor for tensor in node.inputs]
    graph.nodes.remove(second)


def remove_a_node_by_hand(model: onnx.ModelProto) -> None:
    drop(model.graph.node, "second")
    rename(model, "b", "a")
    drop(model.graph.initializer, "w")
    drop(model.graph.value_info, "b")


def remove_in_a_subgraph_the_last_reader_of_an_outer_weight(model: hpass.Model) -> None:
    inner = find(model, "inner")
    find(model, "inner2").inputs[0] = inner.inputs[0]
    region(model, "inner").nodes.remove(inner)


def remove_in_a_subgraph_the_last_reader_of_an_outer_weight_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "inner2").input[0] = "s"
    drop(then_branch(model).node, "inner")
    drop(model.graph.initializer, "k")


def remove_in_a_function(model: hpass.Model) -> None:
    body = find(model, "body")
    find(model, "body2").inputs = list(body.inputs)
    region(model, "body").nodes.remove(body)


def remove_in_a_function_by_hand(model: onnx.ModelProto) -> None:
    drop(model.functions[0].node, "body")
    by_name(model, "body2").input[0] = "p"


def rename_a_value(model: hpass.Model) -> None:
    find(model, "first").outputs[0].name = "renamed"


def rename_a_value_by_hand(model: onnx.ModelProto) -> None:
    rename(model, "a", "renamed")
    value(model.graph, "a").name = "renamed"
    model.graph.quantization_annotation[0].tensor_name = "renamed"


def rename_the_interface(model: hpass.Model) -> None:
    model.graph.inputs[0].name = "x2"
    model.graph.outputs[0].name = "y2"
    find(model, "inner2").outputs[0].name = "e2"
    find(model, "body").inputs[0].name = "p2"


def rename_the_interface_by_hand(model: onnx.ModelProto) -> None:
    for old, new in (("x", "x2"), ("y", "y2"), ("e", "e2"), ("p", "p2")):
        rename(model, old, new)
    value(model.graph, "x").name = "x2"
    value(model.graph, "y").name = "y2"
    value(then_branch(model), "e").name = "e2"
    model.functions[0].input[0] = "p2"


def rename_a_weight(model: hpass.Model) -> None:
    find(model, "second").inputs[1].name = "weight"
    find(model, "inner").inputs[1].name = "scale"


def rename_a_weight_by_hand(model: onnx.ModelProto) -> None:
    rename(model, "w", "weight")
    rename(model, "k", "scale")
    initializer(model.graph, "w").name = "weight"
    initializer(model.graph, "k").name = "scale"
    model.graph.quantization_annotation[0].quant_parameter_tensor_names[0].value = "scale"


def change_weights(model: hpass.Model) -> None:
    find(model, "second").inputs[1].values = np.float32([9, 9])
    find(model, "inner").inputs[1].values = np.float32([8, 8])  # lies in the graph around
    find(model, "inner2").inputs[1].values = np.float16([7, 7])


def change_weights_by_hand(model: onnx.ModelProto) -> None:
    for graph, name, values in (
        (model.graph, "w", np.float32([9, 9])),
        (model.graph, "k", np.float32([8, 8])),
        (then_branch(model), "i", np.float16([7, 7])),
    ):
        tensor = initializer(graph, name)
        doc_string = tensor.doc_string
        tensor.CopyFrom(numpy_helper.from_array(values, name))
        if doc_string:
            tensor.doc_string = doc_string


def look_at_weights(model: hpass.Model) -> None:
    find(model, "first").op = "Sigmoid"
    for node in model.nodes():
        for tensor in (*node.inputs, *node.attrs.values()):
            if isinstance(tensor, gs.Constant):
                assert tensor.values.shape == (2,)


def move_nodes(model: hpass.Model) -> None:
    nodes = model.graph.nodes
    nodes.insert(0, nodes.pop(3))
    nodes = region(model, "body").nodes
    nodes.reverse()


def move_nodes_by_hand(model: onnx.ModelProto) -> None:
    number = onnx.NodeProto.FromString(by_name(model, "number").SerializeToString())
    drop(model.graph.node, "number")
    insert(model.graph.node, 0, number)
    model.functions[0].node.sort(key=lambda node: node.name, reverse=True)


def move_a_node_into_a_subgraph(model: hpass.Model) -> None:
    number = find(model, "number")
    model.graph.nodes.remove(number)
    region(model, "other").nodes.insert(0, number)
    find(model, "last").inputs[1] = find(model, "last").inputs[0]


def move_a_node_into_a_subgraph_by_hand(model: onnx.ModelProto) -> None:
    number = onnx.NodeProto.FromString(by_name(model, "number").SerializeToString())
    drop(model.graph.node, "number")
    insert(by_name(model, "branch").attribute[1].g.node, 0, number)
    by_name(model, "last").input[1] = "r"


def change_the_type_of_a_value(model: hpass.Model) -> None:
    find(model, "first").outputs[0].shape = ["n"]
    model.graph.outputs[0].shape = ["n"]


def change_the_type_of_a_value_by_hand(model: onnx.ModelProto) -> None:
    for name in ("a", "y"):
        value(model.graph, name).type.tensor_type.shape.dim[0].dim_param = "n"


def replace_the_holder_of_subgraphs(model: hpass.Model) -> None:
    branch = find(model, "branch")
    attributes = {"then_branch": branch.attrs["else_branch"], "else_branch": branch.attrs["then_branch"]}
    outputs, inputs = list(branch.outputs), list(branch.inputs)
    index = next(index for index, node in enumerate(model.graph.nodes) if node is branch)
    branch.outputs.clear()
    model.graph.nodes[index] = gs.Node("If", "swapped", attributes, inputs, outputs)
    find(model, "inner").op = "Div"


def replace_the_holder_of_subgraphs_by_hand(model: onnx.ModelProto) -> None:
    by_name(model, "inner").op_type = "Div"
    branch = by_name(model, "branch")
    graphs = [onnx.GraphProto.FromString(attribute.g.SerializeToString()) for attribute in branch.attribute]
    swapped = helper.make_node("If", ["c"], ["d"], "swapped")
    swapped.attribute.append(helper.make_attribute("then_branch", graphs[1]))
    swapped.attribute.append(helper.make_attribute("else_branch", graphs[0]))
    branch.CopyFrom(swapped)


def call_a_new_function(model: hpass.Model) -> None:
    """Move two nodes into a function of their own."""
    first, second = find(model, "first"), find(model, "second")
    x, out, weight = first.inputs[0], second.outputs[0], second.inputs[1]
    second.outputs = [gs.Variable("b")]
    moved = gs.Variable("w")
    first.inputs, second.inputs = [gs.Variable("x")], [first.outputs[0], moved]
    function = gs.Function("begin", "local", [first, second], [first.inputs[0], moved], [second.outputs[0]], opset=20)
    function.import_domains = [helper.make_opsetid("", 20)]
    graph = model.graph
    graph.nodes[:2] = [gs.Node("begin", "new call", {}, [x, weight], [out], "local")]
    graph.functions.append(function)


def call_a_new_function_by_hand(model: onnx.ModelProto) -> None:
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node[:2]]
    del model.graph.node[:2]
    insert(model.graph.node, 0, helper.make_node("begin", ["x", "w"], ["b"], "new call", domain="local"))
    opsets = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("local", "begin", ["x", "w"], ["b"], nodes, opsets))
    drop(model.graph.value_info, "a")


def create_a_subgraph_with_known_nodes(model: hpass.Model) -> None:
    """Put a node behind a condition."""
    third = find(model, "third")
    index = next(index for index, node in enumerate(model.graph.nodes) if node is third)
    inside, outside = gs.Variable("inside"), third.outputs[0]
    third.outputs = [inside]
    otherwise = gs.Variable("otherwise")
    condition = model.graph.inputs[1]
    keep = gs.Node("Identity", "keep", {}, list(third.inputs), [otherwise])
    graphs = {
        "then_branch": gs.Graph([third], [], [inside], "yes"),
        "else_branch": gs.Graph([keep], [], [otherwise], "no"),
    }
    model.graph.nodes[index] = gs.Node("If", "guard", graphs, [condition], [outside])


def create_a_subgraph_with_known_nodes_by_hand(model: onnx.ModelProto) -> None:
    third = by_name(model, "third")
    inside = onnx.NodeProto.FromString(third.SerializeToString())
    inside.output[0] = "inside"
    keep = helper.make_node("Identity", ["b"], ["otherwise"], "keep")
    guard = helper.make_node("If", ["c"], ["s"], "guard")
    for name, graph, node in (("then_branch", "yes", inside), ("else_branch", "no", keep)):
        outputs = [helper.make_empty_tensor_value_info(node.output[0])]
        guard.attribute.append(helper.make_attribute(name, helper.make_graph([node], graph, [], outputs)))
    third.CopyFrom(guard)


def remove_a_function(model: hpass.Model) -> None:
    call = find(model, "call")
    call.op, call.domain = "Identity", None
    del model.graph.functions[:]


def remove_a_function_by_hand(model: onnx.ModelProto) -> None:
    call = by_name(model, "call")
    call.op_type = "Identity"
    call.domain = ""
    del model.functions[:]


def change_nothing(_model: object) -> None:
    pass


Edit = Callable[[hpass.Model], None]
ByHand = Callable[[onnx.ModelProto], None]

CASES: list[tuple[Edit, ByHand, str]] = [
    (change_nothing, change_nothing, "none"),
    (change_an_operator, change_an_operator_by_hand, "1 changed"),
    (change_an_attribute, change_an_attribute_by_hand, "1 changed"),
    (change_attributes_of_all_kinds, change_attributes_of_all_kinds_by_hand, "1 changed"),
    (change_a_constant_node, change_a_constant_node_by_hand, "1 changed"),
    (create_in_the_main_graph, create_in_the_main_graph_by_hand, "1 created, 1 changed"),
    (create_in_a_subgraph, create_in_a_subgraph_by_hand, "1 created, 1 changed"),
    (create_in_a_function, create_in_a_function_by_hand, "2 created, 1 changed"),
    (remove_a_node, remove_a_node_by_hand, "2 changed, 1 removed"),
    (
        remove_in_a_subgraph_the_last_reader_of_an_outer_weight,
        remove_in_a_subgraph_the_last_reader_of_an_outer_weight_by_hand,
        "1 changed, 1 removed",
    ),
    (remove_in_a_function, remove_in_a_function_by_hand, "1 changed, 1 removed"),
    (rename_a_value, rename_a_value_by_hand, "2 changed"),
    (rename_the_interface, rename_the_interface_by_hand, "4 changed, 4 values changed"),
    (rename_a_weight, rename_a_weight_by_hand, "2 changed, 2 values changed"),
    (change_weights, change_weights_by_hand, "3 values changed"),
    (look_at_weights, change_an_operator_by_hand, "1 changed"),
    (move_nodes, move_nodes_by_hand, "6 moved"),
    (move_a_node_into_a_subgraph, move_a_node_into_a_subgraph_by_hand, "1 changed, 1 moved"),
    (change_the_type_of_a_value, change_the_type_of_a_value_by_hand, "2 values changed"),
    (replace_the_holder_of_subgraphs, replace_the_holder_of_subgraphs_by_hand, "1 created, 1 changed, 1 removed"),
    (call_a_new_function, call_a_new_function_by_hand, "1 created, 2 moved"),
    (
        create_a_subgraph_with_known_nodes,
        create_a_subgraph_with_known_nodes_by_hand,
        "2 created, 1 changed, 1 moved",
    ),
    (remove_a_function, remove_a_function_by_hand, "1 changed, 2 removed"),
]


@dataclass(frozen=True)
class Rewrite(hpass.Pass):
    """Apply one of the edits above."""

    name: ClassVar[str] = "rewrite"
    rewrites: ClassVar[bool] = True
    edit: Edit = change_nothing

    def apply(self, context: hpass.Context) -> None:
        """Rewrite the graph."""
        self.edit(context.model)


@pytest.mark.parametrize(("edit", "by_hand", "counted"), CASES, ids=[case[0].__name__ for case in CASES])
def test_an_edit_changes_what_it_means_to_and_nothing_else(edit: Edit, by_hand: ByHand, counted: str) -> None:
    run = hpass.run(sample(), hpass.Pipeline((Rewrite(edit), *hpass.Pipeline.parse("all").passes)))
    written = onnx.ModelProto.FromString(run.apply().SerializeToString())
    assert strip(written).keys > 0
    expected = sample()
    by_hand(expected)
    assert str(written) == str(expected)
    assert written == expected
    assert str(run.results[0].edits) == counted


@pytest.mark.parametrize("edit", [case[0] for case in CASES], ids=[case[0].__name__ for case in CASES])
def test_writing_settles_the_edits(edit: Edit) -> None:
    run = hpass.run(sample(), hpass.Pipeline((Rewrite(edit), *hpass.Pipeline.parse("all").passes)))
    written = run.apply().SerializeToString()
    assert not count_edits(run.model._imported)
    assert run.apply().SerializeToString() == written


def test_edits_may_go_on_after_writing() -> None:
    model = hpass.load(sample())
    replace_the_holder_of_subgraphs(model)
    create_in_a_function(model)
    model.apply([], hpass.ModuleTable())
    change_weights(model)
    remove_in_a_subgraph_the_last_reader_of_an_outer_weight(model)
    model.apply([], hpass.ModuleTable())
    expected = sample()
    for by_hand in (
        replace_the_holder_of_subgraphs_by_hand,
        create_in_a_function_by_hand,
        change_weights_by_hand,
        remove_in_a_subgraph_the_last_reader_of_an_outer_weight_by_hand,
    ):
        by_hand(expected)
    written = onnx.ModelProto.FromString(model.proto.SerializeToString())
    strip(written)
    assert str(written) == str(expected)


def test_strings_may_be_looked_at_and_changed() -> None:
    text = 'g (string[2] x) => (string[2] y) { [c] w = Constant<value_strings = ["a"]>() y = Identity(x) }'
    message = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>' + text)
    message.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"]))
    message.graph.node[1].input[0] = "words"
    model = hpass.load(message)
    constant = model.graph.nodes[1].inputs[0]
    assert constant.values.tolist() == ["a", "b"]
    assert not model.edits()
    constant.values = np.array(["c", "d"], dtype=object)
    model.apply([], hpass.ModuleTable())
    assert list(model.proto.graph.initializer[0].string_data) == [b"c", b"d"]
