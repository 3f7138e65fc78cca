"""outline with shared functions: modules that are equal but for their weights are calls of one function."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from product import ROOT
from text_models import model, run_pass
from unoptimised import outputs, same

import hpass
from hpass import Context, Source, Tag
from hpass.graph.verify.onnx_check import check_structure
from hpass.graph.walk import nodes_within
from hpass.outlining.canonical_form import canonical_form
from hpass.passes.outline import Outline

FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
WITHOUT_FUNCTIONS = [path for path in FIXTURES if path.stem != "functions"]
Call = tuple[str, list[str], list[str]]


def outlined(nodes: str, scopes: dict[str, str], parameters: list[str]) -> tuple[onnx.ModelProto, Context]:
    source = model(nodes, parameters=parameters)
    for index, tensor in enumerate(source.graph.initializer):
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.full((4, 4), index + 1, np.float32), tensor.name))
    tags = {name: Tag(scope, Source.NAME) for name, scope in scopes.items()}
    context = run_pass(Outline("!=layer"), source, tags=tags)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    assert check_structure(context.model.proto) is None
    assert same(outputs(source, ROOT), outputs(context.model.proto, ROOT))
    return context.model.proto, context


def calls(graph: onnx.GraphProto | onnx.FunctionProto) -> list[Call]:
    return [(node.op_type, list(node.input), list(node.output)) for node in graph.node]


def body(proto: onnx.ModelProto, name: str) -> list[str]:
    return [node.op_type for function in proto.functions if function.name == name for node in function.node]


def test_modules_that_are_equal_but_for_their_weights_share_a_function() -> None:
    proto, _ = outlined(
        '["n"] v = MatMul(x, p) ["m"] w = Relu(v) ["k"] t = MatMul(w, q) ["l"] y = Relu(t)',
        {"n": "layer.0", "m": "layer.0", "k": "layer.1", "l": "layer.1"},
        ["p", "q"],
    )

    assert calls(proto.graph) == [("layer", ["x", "p"], ["w"]), ("layer", ["w", "q"], ["y"])]
    assert calls(proto.functions[0]) == [("MatMul", ["input", "weight"], ["MatMul"]), ("Relu", ["MatMul"], ["Relu"])]
    assert [(entry.key, entry.value) for entry in proto.functions[0].node[0].metadata_props][:2] == [
        ("hpass.within", ""),
        ("hpass.scope", "layer"),
    ]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ('["n"] v = MatMul(x, p) ["m"] y = MatMul(q, v)', "the edges differ"),
        ('["n"] v = Softmax <axis = 0> (x) ["m"] y = Softmax <axis = 1> (v)', "an attribute differs"),
        ('["n"] v = Relu(x) ["m"] y = Neg(v)', "the operators differ"),
        ('["n"] v = MatMul(x, p) ["m"] y = MatMul(v, v)', "one reads no weight"),
    ],
)
def test_modules_that_differ_have_functions_of_their_own(nodes: str, reason: str) -> None:
    proto, _ = outlined(nodes, {"n": "layer.0", "m": "layer.1"}, ["p", "q"])

    assert [function.name for function in proto.functions] == ["layer", "layer_1"], reason


def test_the_order_of_nodes_in_the_file_does_not_matter() -> None:
    proto, _ = outlined(
        """["a0"] a = Relu(x) ["b0"] b = Neg(x) ["c0"] c = Add(a, b)
        ["b1"] d = Neg(c) ["a1"] e = Relu(c) ["c1"] y = Add(e, d)""",
        {f"{name}{index}": f"layer.{index}" for name in "abc" for index in (0, 1)},
        [],
    )

    assert len(proto.functions) == 1


def test_constants_that_differ_are_handed_in() -> None:
    proto, _ = outlined(
        """["c0"] c = Constant <value = float {2}> () ["s0"] s = Constant <value = float {5}> ()
        ["n0"] v = Mul(x, c) ["m0"] w = Add(v, s)
        ["c1"] d = Constant <value = float {3}> () ["s1"] t = Constant <value = float {5}> ()
        ["n1"] u = Mul(w, d) ["m1"] y = Add(u, t)""",
        {f"{name}{index}": f"layer.{index}" for name in "csnm" for index in (0, 1)},
        [],
    )

    assert [name for name, _, _ in calls(proto.graph)] == ["Constant", "layer", "Constant", "layer"]
    assert body(proto, "layer") == ["Constant", "Mul", "Add"]


def test_constants_that_differ_are_handed_in_through_all_levels() -> None:
    proto, _ = outlined(
        """["c0"] c = Constant <value = float {2}> () ["n0"] v = Mul(x, c) ["m0"] w = Relu(v)
        ["c1"] d = Constant <value = float {3}> () ["n1"] u = Mul(w, d) ["m1"] y = Relu(u)""",
        {"c0": "layer.0.a", "n0": "layer.0.a", "m0": "layer.0", "c1": "layer.1.a", "n1": "layer.1.a", "m1": "layer.1"},
        [],
    )

    assert body(proto, "a") == ["Mul"]
    assert body(proto, "layer") == ["a", "Relu"]
    assert [name for name, _, _ in calls(proto.graph)] == ["Constant", "layer", "Constant", "layer"]


def test_what_the_first_module_prepares_for_others_is_left_outside() -> None:
    proto, _ = outlined(
        """["mask"] mask = Greater(x, x) ["n0"] v = MatMul(x, p) ["m0"] w = Where(mask, v, x)
        ["n1"] u = MatMul(w, q) ["m1"] y = Where(mask, u, w)""",
        {"mask": "layer.0", "n0": "layer.0", "m0": "layer.0", "n1": "layer.1", "m1": "layer.1"},
        ["p", "q"],
    )

    assert [name for name, _, _ in calls(proto.graph)] == ["Greater", "layer", "layer"]
    again = hpass.run(onnx.ModelProto.FromString(proto.SerializeToString()), "all,outline:modules=!=layer").apply()
    assert (again.graph, list(again.functions)) == (proto.graph, list(proto.functions))


def test_outputs_are_united() -> None:
    proto, _ = outlined(
        """["n0"] v = MatMul(x, p) ["m0"] w = Relu(v) ["n1"] u = MatMul(w, q) ["m1"] t = Relu(u) ["l"] y = Add(u, t)""",
        {"n0": "layer.0", "m0": "layer.0", "n1": "layer.1", "m1": "layer.1", "l": ""},
        ["p", "q"],
    )

    assert calls(proto.graph)[:2] == [("layer", ["x", "p"], ["v", "w"]), ("layer", ["w", "q"], ["u", "t"])]


def test_metadata_that_differs_is_dropped_and_counted() -> None:
    source = model(
        '["n"] v = Relu(x) ["m"] y = Relu(v)',
        metadata={"n": {"same": "1", "other": "2"}, "m": {"same": "1", "other": "3"}},
    )
    tags = {"n": Tag("layer.0", Source.NAME), "m": Tag("layer.1", Source.METADATA, hpass.Confidence.LOW)}
    context = run_pass(Outline("!=layer"), source, tags=tags)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    entries = {entry.key: entry.value for entry in context.model.proto.functions[0].node[0].metadata_props}

    assert entries["same"] == "1"
    assert "other" not in entries
    assert (entries["hpass.source"], entries["hpass.confidence"]) == ("metadata", "low")
    assert [finding.message for finding in context.findings] == [
        "2 entries of metadata dropped: modules that share a function differ in them"
    ]


def test_the_class_names_the_function() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Relu(v)')
    table = hpass.ModuleTable(
        {"": hpass.Module("M"), "a": hpass.Module("torch.nn.ReLU"), "b": hpass.Module("torch.nn.ReLU")}
    )
    context = run_pass(Outline(), source, tags={"n": Tag("a", Source.NAME), "m": Tag("b", Source.NAME)}, table=table)

    assert [(node.name, node.op_type) for node in context.model.proto.graph.node] == [
        ("/a/ReLU", "ReLU"),
        ("/b/ReLU", "ReLU"),
    ]


def form(run: hpass.Run) -> bytes:
    """Return the form of a model: operators, attributes, edges, weights, modules."""
    proto = onnx.ModelProto.FromString(run.apply().SerializeToString())
    for node in nodes_within(proto.graph):
        entries = {entry.key: entry.value for entry in node.metadata_props}
        del node.metadata_props[:]
        node.metadata_props.add(key="hpass.within", value=entries["hpass.scope"])
        if "hpass.serves" in entries:
            node.metadata_props.add(key="hpass.serves", value=entries["hpass.serves"])
        if node.op_type == "Constant":
            # The form leaves open what a Constant holds.
            node.op_type = "Held"
    given = {value.name for value in (*proto.graph.input, *proto.graph.initializer)}

    def kind(name: str) -> Hashable:
        return name if name in given else None

    return canonical_form(list(proto.graph.node), kind).key


@pytest.mark.parametrize("depth", [0, 2, 3])
@pytest.mark.parametrize("path", WITHOUT_FUNCTIONS, ids=lambda path: path.stem)
def test_inline_gives_back_an_isomorphic_graph(path: Path, depth: int) -> None:
    run = hpass.run(path, f"all,outline:depth={depth}")
    proto = onnx.ModelProto.FromString(run.apply().SerializeToString())
    back = hpass.run(hpass.Model(proto, str(path), path.parent, run.model.locations), "all,inline")

    assert not back.model.proto.functions
    assert form(back) == form(hpass.run(path))
    assert same(outputs(onnx.load(path, load_external_data=False), path.parent), outputs(back.model.proto, path.parent))


LAYERS = st.lists(st.sampled_from(["Relu", "Neg", "Mul", "MatMul", "Constant"]), min_size=1, max_size=5)


@settings(max_examples=40)
@given(LAYERS, st.integers(2, 4))
def test_equal_layers_are_one_function(operators: list[str], count: int) -> None:
    text: list[str] = []
    scopes: dict[str, str] = {}
    parameters: list[str] = []
    value = "x"
    for layer in range(count):
        for index, operator in enumerate(operators):
            name, node = f"v{layer}_{index}", f"n{layer}_{index}"
            scopes[node] = f"layer.{layer}.inner" if index % 2 else f"layer.{layer}"
            if operator == "MatMul":
                parameters.append(f"p{layer}_{index}")
                text.append(f'["{node}"] {name} = MatMul({value}, {parameters[-1]})')
            elif operator == "Constant":
                scopes[f"c{node}"] = scopes[node]
                text.append(f'["c{node}"] c{name} = Constant <value = float {{{layer}}}> ()')
                text.append(f'["{node}"] {name} = Add({value}, c{name})')
            else:
                given = f"{value}, {value}" if operator == "Mul" else value
                text.append(f'["{node}"] {name} = {operator}({given})')
            value = name
    text.append(f'["last"] y = Identity({value})')
    proto, _ = outlined(" ".join(text), scopes | {"last": ""}, parameters)

    assert len([node for node in proto.graph.node if node.op_type == "layer"]) == count
    assert [function.name for function in proto.functions].count("layer") == 1
