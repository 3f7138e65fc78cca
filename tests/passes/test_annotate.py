"""annotate: modules under the key of another tool, and `strip` gives back what stood there."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from product import ROOT
from text_models import model, run_pass
from unoptimised import outputs, same

import hpass
from hpass import HpassError, Source, Tag, UsageError
from hpass.graph.strip import strip, stripped
from hpass.passes.annotate import Annotate

FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
TAGS = {"n": Tag("", Source.NAME), "m": Tag("a", Source.NAME), "k": Tag("a.b", Source.NAME)}
NODES = '["n"] v = Relu(x) ["m"] w = Relu(v) ["k"] y = Neg(w)'


def annotated(source: onnx.ModelProto, step: Annotate) -> onnx.ModelProto:
    context = run_pass(step, source, tags=TAGS)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    return context.model.proto


def values(proto: onnx.ModelProto, key: str = "layer_ann") -> dict[str, str | None]:
    return {
        node.name: next((entry.value for entry in node.metadata_props if entry.key == key), None)
        for node in proto.graph.node
    }


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        pytest.param("**", {"n": None, "m": "a", "k": "a.b"}, id="the scope, if nothing else is said"),
        pytest.param("=a", {"n": None, "m": "a", "k": None}, id="a module alone"),
        pytest.param("a=g0", {"n": None, "m": "g0", "k": "g0"}, id="a group"),
        pytest.param("=a=g0", {"n": None, "m": "g0", "k": None}, id="a group of a module alone"),
        pytest.param("**=g0;a.b=g1", {"n": "g0", "m": "g0", "k": "g1"}, id="the last pattern decides"),
        pytest.param("a;!a.b", {"n": None, "m": "a", "k": None}, id="a module is taken away"),
        pytest.param("!=a", {"n": None, "m": None, "k": "a.b"}, id="all but one"),
        pytest.param(r"a=x\;y=z", {"n": None, "m": "x;y=z", "k": "x;y=z"}, id="a value with a semicolon"),
    ],
)
def test_nodes_get_the_value_of_their_module(modules: str, expected: dict[str, str | None]) -> None:
    assert values(annotated(model(NODES), Annotate(modules=modules))) == expected


FUNCTION = '<domain: "local", opset_import: ["": 18]> f (i) => (o) { ["in"] o = Relu(i) }'


@pytest.mark.parametrize(
    ("modules", "value"),
    [
        pytest.param("**", "a", id="the nearest module around all calls"),
        pytest.param("a=g", "g", id="a group of all calls"),
        pytest.param("b", None, id="no call"),
    ],
)
def test_a_node_of_a_function_has_the_value_of_all_calls(modules: str, value: str | None) -> None:
    calls = model('["/a/n/c"] v = local.f(x) ["/a/m/c"] w = local.f(v) ["/b/k"] y = Neg(w)', functions=FUNCTION)
    found = hpass.run(calls, "all,annotate", settings={"annotate.modules": modules}).apply().functions[0].node[0]

    assert {entry.key: entry.value for entry in found.metadata_props}.get("layer_ann") == value


def test_some_calls_of_a_function_are_an_error() -> None:
    calls = model('["/a/n"] v = local.f(x) ["/b/m"] y = local.f(v)', functions=FUNCTION)
    with pytest.raises(UsageError, match=r"takes only some calls of a function \(node 'in'\); .* all,inline,annotate"):
        hpass.run(calls, "all,annotate", settings={"annotate.modules": "a=g"})


def test_under_namespace_it_is_the_class_path() -> None:
    assert values(annotated(model(NODES), Annotate(key="namespace")), "namespace") == {
        "n": "/",
        "m": "/a",
        "k": "/a/b",
    }


@pytest.mark.parametrize("before", [[], ["old"], ["old", "older"]])
def test_strip_gives_back_what_stood_there(before: list[str]) -> None:
    source = model(NODES)
    for value in before:
        source.graph.node[1].metadata_props.add(key="layer_ann", value=value)
    source.graph.node[1].metadata_props.add(key="other", value="stays")
    original = source.SerializeToString()
    after = annotated(annotated(source, Annotate()), Annotate(modules="**=g0"))
    note = next(entry.value for entry in after.graph.node[1].metadata_props if entry.key == "hpass.was.layer_ann")

    assert json.loads(note) == {"was": before, "written": "g0"}
    assert strip(after)[1:] == (3, 0)
    assert after.SerializeToString() == original


def test_strip_leaves_what_another_tool_wrote_since() -> None:
    after = annotated(model(NODES), Annotate())
    for entry in after.graph.node[1].metadata_props:
        entry.value = "mine" if entry.key == "layer_ann" else entry.value

    assert strip(after)[1:] == (1, 1)
    assert values(after) == {"n": None, "m": "mine", "k": None}


@pytest.mark.parametrize(
    "note", ["{", "1", '{"was": [1], "written": "a"}', '{"was": ["\\ud800"], "written": "a"}', "[]"]
)
def test_notes_that_another_tool_broke_restore_nothing(note: str) -> None:
    after = annotated(model(NODES), Annotate(modules="=a"))
    for entry in after.graph.node[1].metadata_props:
        entry.value = note if entry.key == "hpass.was.layer_ann" else entry.value

    assert hpass.run(after).ok
    assert strip(after)[1:] == (0, 0)
    assert values(after)["m"] == "a"


def test_evidence_is_what_was_there() -> None:
    path = ROOT / "fixtures" / "bert_tiny.onnx"
    expected = [tag for _, tag in hpass.run(path).tags()]
    after = hpass.run(path, "all,annotate", settings={"annotate.key": "namespace", "annotate.modules": "**=nonsense"})
    again = hpass.run(after.apply(), retag=True)

    assert [tag for _, tag in again.tags()] == expected


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_computes_the_same(path: Path) -> None:
    source = onnx.load(path, load_external_data=False)
    run = hpass.run(path, "all,annotate,annotate:key=namespace")
    after = onnx.ModelProto.FromString(run.apply().SerializeToString())

    assert same(outputs(source, path.parent), outputs(after, path.parent))
    assert stripped(after).SerializeToString() == stripped(source).SerializeToString()
    again = hpass.Model(after, str(path), path.parent, run.model.locations)
    second = hpass.run(again, "all,annotate,annotate:key=namespace").apply()
    assert second.SerializeToString() == after.SerializeToString()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"key": "hpass.scope"}, "'hpass.scope' is not a key of another tool"),
        ({"key": ""}, "'' is not a key of another tool"),
        ({"modules": "a="}, "no value follows the ="),
        ({"modules": "!a=g"}, "a pattern that takes modules away has no value"),
        ({"modules": "a["}, "'a[': not a pattern of modules"),
    ],
)
def test_a_wrong_option_is_an_error(options: dict[str, str], line: str) -> None:
    with pytest.raises(UsageError) as raised:
        Annotate(**options)

    assert line in str(raised.value)


def test_a_pattern_without_a_match_is_an_error() -> None:
    with pytest.raises(HpassError, match="no module matches 'c'"):
        annotated(model(NODES), Annotate(modules="a;c"))
