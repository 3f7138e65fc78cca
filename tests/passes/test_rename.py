"""rename: names come from modules, nothing else changes, and `strip` gives the old names back."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from product import ROOT
from text_models import model, run_pass
from unoptimised import outputs, same

import hpass
from hpass import HpassError, Source, Tag
from hpass.graph.strip import strip, stripped
from hpass.graph.walk import all_nodes
from hpass.passes.rename import Rename

FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
A, B = Tag("a", Source.NAME), Tag("a.b.0", Source.NAME)


def renamed(source: onnx.ModelProto, tags: dict[str, Tag], *, values: bool = True) -> onnx.ModelProto:
    context = run_pass(Rename(values), source, tags=tags)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    return context.model.proto


def names(proto: onnx.ModelProto) -> dict[str, list[str]]:
    """Return the outputs of each node, by its name."""
    return {node.name: list(node.output) for node in all_nodes(proto)}


@pytest.mark.parametrize(
    ("nodes", "tags", "after"),
    [
        pytest.param(
            '["n"] v = Relu(x) ["m"] y = Neg(v)',
            {"n": A, "m": B},
            {"/a/Relu": ["/a/Relu_output_0"], "/a/b/0/Neg": ["y"]},
            id="the path of called modules; the output of the graph keeps its name",
        ),
        pytest.param(
            '["n"] v = Relu(x) ["m"] w = Relu(v) ["k"] y = Relu(w)',
            {"n": A, "m": A, "k": A},
            {"/a/Relu": ["/a/Relu_output_0"], "/a/Relu_1": ["/a/Relu_1_output_0"], "/a/Relu_2": ["y"]},
            id="a number makes names unique",
        ),
        pytest.param(
            '["n"] v = Neg(x) ["m"] w = Relu(v) ["k"] y = Relu(w)',
            {"n": Tag("", Source.NAME), "m": A, "k": A},
            {"/Neg": ["/Neg_output_0"], "/a/Relu": ["/a/Relu_output_0"], "/a/Relu_1": ["y"]},
            id="the root has no module in the path",
        ),
        pytest.param(
            '["n"] v, w = Split(x) ["m"] y = Add(v, w)',
            {"n": A, "m": A},
            {"/a/Split": ["/a/Split_output_0", "/a/Split_output_1"], "/a/Add": ["y"]},
            id="several outputs are counted",
        ),
        pytest.param(
            '["n"] v = Relu(x) ["m"] y = Neg(v)',
            {"n": Tag("h.a/b c", Source.NAME), "m": A},
            {"/h/a%2Fb%20c/Relu": ["/h/a%2Fb%20c/Relu_output_0"], "/a/Neg": ["y"]},
            id="a slash in the name of a module is encoded",
        ),
    ],
)
def test_names_come_from_modules(nodes: str, tags: dict[str, Tag], after: dict[str, list[str]]) -> None:
    assert names(renamed(model(nodes), tags)) == after


def test_the_names_alone_lead_back_to_the_modules_of_a_table() -> None:
    run = hpass.run(ROOT / "fixtures" / "simple_cnn_torchscript.onnx", "all,rename")
    bare = onnx.ModelProto.FromString(run.apply().SerializeToString())
    for message in (bare, *all_nodes(bare)):
        del message.metadata_props[:]
    again = hpass.run(bare, modules=run.modules)

    assert [tag.scope for _, tag in again.tags()] == [tag.scope for _, tag in run.tags()]
    assert [finding.message for finding in again.findings] == []


def test_a_name_that_a_weight_has_is_not_taken() -> None:
    source = model('["n"] v = Add(x, w) ["m"] y = Neg(v)', parameters=["w"])
    source.graph.initializer[0].name = source.graph.node[0].input[1] = "/a/Add_output_0"

    assert list(names(renamed(source, {"n": A, "m": A}))) == ["/a/Add_1", "/a/Neg"]


def test_a_type_of_a_value_that_nothing_writes_stays() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)')
    source.graph.value_info.add(name="/a/Relu_output_0")
    after = renamed(source, {"n": A, "m": A})

    assert after.graph.node[0].output == ["/a/Relu_1_output_0"]
    assert stripped(after) == source


def test_values_can_keep_their_names() -> None:
    assert names(renamed(model('["n"] v = Relu(x) ["m"] y = Neg(v)'), {"n": A, "m": A}, values=False)) == {
        "/a/Relu": ["v"],
        "/a/Neg": ["y"],
    }


NESTED = """
["c"] k = Cast <to = 9> (x)
["n"] outer = Relu(x)
["if"] y = If(k) <then_branch = t () => (float[1] u) { ["p"] h = Neg(outer) ["q"] u = Abs(h) },
                  else_branch = e () => (float[1] w) { ["r"] h = Exp(outer) ["s"] w = local.f(h) }>
"""
FUNCTION = '<domain: "local", opset_import: ["": 18]> f (i) => (o) { ["body"] h = Relu(i) ["last"] o = Neg(h) }'


def test_subgraphs_and_functions_follow_and_keep_their_interfaces() -> None:
    source = model(NESTED, functions=FUNCTION)
    after = renamed(source, {node.name: A for node in all_nodes(source)})
    then, otherwise = (attribute.g for attribute in after.graph.node[2].attribute)

    assert list(then.node[0].input) == list(otherwise.node[0].input) == ["/a/Relu_output_0"]
    assert [value.name for value in (*then.output, *otherwise.output)] == ["u", "w"]
    assert then.node[1].input == then.node[0].output == ["/a/Neg_output_0"]
    assert list(after.functions[0].node[0].input) == ["i"]
    assert list(after.functions[0].node[1].output) == ["o"]
    assert stripped(after).SerializeToString() == source.SerializeToString()


def test_a_subgraph_in_a_function_keeps_its_initializers() -> None:
    function = """<domain: "local", opset_import: ["": 18]> f (k, i) => (o) {
        o = If(k) <then_branch = t () => (float[4, 4] a) <float w = {2}> { ["p"] a = Mul(i, w) },
                   else_branch = e () => (float[4, 4] b) { ["q"] b = Neg(i) }> }"""
    source = model('["c"] k = Cast <to = 9> (x) ["n"] y = local.f(k, x)', functions=function)
    after = hpass.run(source, "all,rename").apply()

    assert stripped(after).SerializeToString() == stripped(source).SerializeToString()


def test_types_and_quantization_annotations_follow() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)', parameters=["s"])
    source.graph.value_info.add(name="v")
    annotation = source.graph.quantization_annotation.add(tensor_name="v")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="s")
    after = renamed(source, {"n": A, "m": A})

    assert after.graph.value_info[0].name == after.graph.quantization_annotation[0].tensor_name == "/a/Relu_output_0"
    assert after.graph.quantization_annotation[0].quant_parameter_tensor_names[0].value == "s"
    assert stripped(after).SerializeToString() == source.SerializeToString()


def test_a_node_without_a_name_gets_one_and_loses_it_again() -> None:
    source = model("v = Relu(x) y = Neg(v)")
    source.graph.node[0].ClearField("name")
    source.graph.node[1].name = ""
    source = hpass.run(source).apply()
    before = stripped(source)
    after = hpass.run(source, "all,rename").apply()

    assert [node.name for node in after.graph.node] == ["/Relu", "/Neg"]
    assert stripped(after).SerializeToString() == before.SerializeToString()


def test_the_oldest_name_wins() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)')
    once = renamed(source, {"n": A, "m": A})
    twice = renamed(once, {node.name: Tag("c", Source.NAME) for node in once.graph.node})

    assert list(names(twice)) == ["/c/Relu", "/c/Neg"]
    assert stripped(twice).SerializeToString() == source.SerializeToString()


def test_values_can_be_renamed_later() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)')
    once = renamed(source, {"n": A, "m": A}, values=False)
    twice = renamed(once, {node.name: A for node in once.graph.node})

    assert list(twice.graph.node[0].output) == ["/a/Relu_output_0"]
    assert stripped(twice).SerializeToString() == source.SerializeToString()


def test_a_name_that_is_not_utf_8_stays() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)')
    data = source.SerializeToString().replace(b"\x0a\x01v", b"\x0a\x01\xff").replace(b"\x12\x01v", b"\x12\x01\xff")
    odd = onnx.ModelProto.FromString(data)
    run = hpass.run(odd, "all,rename")

    assert len(run.results[-1].skipped) == 1
    assert stripped(run.apply()).SerializeToString() == data


def test_fields_that_are_unset_or_not_utf_8_stay_so() -> None:
    source = model('["n"] v = Relu(x) ["m"] y = Neg(v)')
    source.graph.value_info.add()
    source.graph.quantization_annotation.add().quant_parameter_tensor_names.add(key="k")
    source.graph.value_info.add(name="????")
    data = source.SerializeToString().replace(b"????", b"\xff???")
    after = renamed(onnx.ModelProto.FromString(data), {"n": A, "m": A})

    assert after.graph.node[0].output == ["/a/Relu_output_0"]
    assert stripped(after).SerializeToString() == data


def test_an_untagged_node_is_an_error() -> None:
    with pytest.raises(HpassError, match="pass rename cannot run: 1 node has no tag; put `all` before it"):
        hpass.run(model("y = Relu(x)"), "rename")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_is_renamed_and_computes_the_same(path: Path) -> None:
    source = onnx.load(path, load_external_data=False)
    run = hpass.run(path, "all,rename")
    after = onnx.ModelProto.FromString(run.apply().SerializeToString())

    assert run.ok
    assert same(outputs(source, path.parent), outputs(after, path.parent))
    assert stripped(after).SerializeToString() == stripped(source).SerializeToString()
    again = hpass.Model(after, str(path), path.parent, run.model.locations)
    assert hpass.run(again, "all,rename").apply().SerializeToString() == after.SerializeToString()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_names_alone_give_the_same_modules(path: Path) -> None:
    run = hpass.run(path, "all,rename")
    expected = [tag.scope for _, tag in run.tags()]
    named = onnx.ModelProto.FromString(run.apply().SerializeToString())
    del named.metadata_props[:]
    for node in all_nodes(named):
        del node.metadata_props[:]

    again = hpass.run(hpass.Model(named, str(path), path.parent, run.model.locations))

    assert [tag.scope for _, tag in again.tags()] == expected


def test_every_node_has_a_name_of_its_own() -> None:
    for path in FIXTURES:
        found = [node.name for node in all_nodes(hpass.run(path, "all,rename").apply())]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        pytest.param(lambda graph: graph.node[1].output.append("more"), 1, id="a node has another output"),
        pytest.param(lambda graph: graph.initializer.add(name="v"), 1, id="a weight has the name"),
        pytest.param(lambda graph: graph.node.add(op_type="Neg", input=["x"], output=["v"]), 1, id="a value has it"),
        pytest.param(lambda graph: graph.output.add(name="/a/Relu_output_0"), 1, id="the value is an output now"),
        pytest.param(lambda graph: graph.node.add(op_type="Abs", input=["v"], output=["z"]), 1, id="a node reads it"),
    ],
)
def test_strip_leaves_a_name_that_no_longer_fits(change: object, kept: int) -> None:
    after = renamed(model('["k"] u = Neg(x) ["n"] v = Relu(u) ["m"] y = Neg(v)'), {"k": A, "n": A, "m": A})
    change(after.graph)  # type: ignore[operator]
    done = strip(after)

    assert done.left == kept
    assert after.graph.node[1].output[0] == "/a/Relu_output_0" == after.graph.node[2].input[0]
    assert after.graph.node[0].output[0] == "u"


@pytest.mark.parametrize("note", ["{", "1", '["\\ud800"]', '"\\ud800"', "[" * 100_000, '[""]', "{}", ""])
def test_notes_that_another_tool_broke_are_left(note: str) -> None:
    after = renamed(model('["n"] v = Relu(x) ["m"] y = Neg(v)'), {"n": A, "m": A})
    for node in after.graph.node:
        for entry in node.metadata_props:
            entry.value = note if entry.key in {"hpass.name", "hpass.outputs"} else entry.value

    assert hpass.run(after).ok
    assert strip(after)[1:] == (0, 2)
    assert list(names(after)) == ["/a/Relu", "/a/Neg"]
