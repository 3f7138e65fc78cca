"""call-number: nodes of a module that is called more than once get the number of the call, if that can be told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from product import ROOT
from text_models import model, run_pass, stack

import hpass
from hpass import Confidence, Context, Source, Tag
from hpass.extraction.extract import Extractor
from hpass.passes.call_number import CallNumber
from hpass.reporting.json_report import report
from hpass.tags.tag_edits import set_entry

# One call of `m`: a weight is read, and a node of the module itself comes behind.
TWICE = '["a0"] u = MatMul(x, w) ["b0"] v = Relu(u) {} ["a1"] s = MatMul({}, w) ["b1"] y = Relu(s)'
IN_M = dict.fromkeys(("a0", "b0", "a1", "b1"), "m")

# Two calls of `m` at once, and two more behind them, as optimisers write them.
MIXED = (
    '["a0"] a0 = MatMul(x, w) ["a1"] a1 = MatMul(x, w) ["b0"] b0 = Relu(a0) ["b1"] b1 = Relu(a1) ["n"] n = Add(b0, b1)'
    '["a2"] a2 = MatMul(n, w) ["a3"] a3 = MatMul(n, w) ["b2"] b2 = Relu(a2) ["b3"] b3 = Relu(a3) ["o"] y = Add(b2, b3)'
)
IN_PAIRS = {f"{letter}{call}": "m" for letter in "ab" for call in range(4)}


def numbers(nodes: str, scopes: Mapping[str, str], parameters: tuple[str, ...] = ("w",), **text: Any) -> dict[str, int]:
    """Return the number of the call of each node that has one."""
    tags = {name: Tag(scope, Source.NAME) for name, scope in scopes.items()}
    return calls(run_pass(CallNumber(), model(nodes, parameters=parameters, **text), tags=tags))


def calls(context: Context) -> dict[str, int]:
    """Return the number of the call of each node that has one, by the node's name."""
    return {node.name: tag.call for node, tag in context.tagged_nodes() if tag.call is not None}


@pytest.mark.parametrize(
    ("nodes", "scopes", "expected"),
    [
        pytest.param(
            TWICE.format('["n"] t = Exp(v)', "t"),
            {**IN_M, "n": ""},
            {"a0": 0, "b0": 0, "a1": 1, "b1": 1},
            id="another module runs between the calls",
        ),
        pytest.param(
            TWICE.format("", "v"), IN_M, {"a0": 0, "b0": 0, "a1": 1, "b1": 1}, id="the calls follow each other"
        ),
        pytest.param('["a0"] v = MatMul(x, w) ["b0"] y = Relu(v)', {"a0": "m", "b0": "m"}, {}, id="one call"),
        pytest.param(
            '["a0"] u = MatMul(x, w) ["n"] v = Exp(u) ["a1"] t = MatMul(v, w) ["b1"] y = MatMul(t, z)',
            {"a0": "m", "n": "", "a1": "m", "b1": "m"},
            {},
            id="a weight that is read once: one call",
        ),
        pytest.param(
            '["a0"] u = Sin(x) ["n"] v = Exp(u) ["a1"] y = Sin(v)',
            {"a0": "m", "n": "", "a1": "m"},
            {"a0": 0, "a1": 1},
            id="no weights: the intervals are equal",
        ),
        pytest.param(
            '["a0"] u = Sin(x) ["n"] v = Exp(u) ["a1"] y = Cos(v)',
            {"a0": "m", "n": "", "a1": "m"},
            {},
            id="no weights: the intervals differ",
        ),
        pytest.param(
            '["a0"] u = Sin(x) ["n"] v = Exp(u) ["a1"] t = Sin(x) ["o"] y = Add(v, t)',
            {"a0": "m", "n": "", "a1": "m", "o": ""},
            {},
            id="no weights: the intervals compute the same value",
        ),
        pytest.param(
            '["k0"] j = Exp(x) ["a0"] u = MatMul(j, w) ["n"] v = Exp(u) ["k1"] k = Exp(v) ["a1"] y = MatMul(k, w)',
            {"k0": "m", "a0": "m.c", "n": "", "k1": "m", "a1": "m.c"},
            {"k0": 0, "a0": 0, "k1": 1, "a1": 1},
            id="a module below is called once in each call",
        ),
        pytest.param(
            '["k0"] i = Sqrt(x) ["a0"] j = MatMul(i, w) ["a1"] k = MatMul(j, w) ["n"] l = Exp(k) '
            '["k1"] o = Sqrt(l) ["a2"] p = MatMul(o, w) ["a3"] y = MatMul(p, w)',
            {"k0": "m", "a0": "m.c", "a1": "m.c", "n": "", "k1": "m", "a2": "m.c", "a3": "m.c"},
            {"k0": 0, "a0": 0, "a1": 1, "k1": 1, "a2": 2, "a3": 3},
            id="a module below is called twice in each call: its calls count over the whole model",
        ),
        pytest.param(
            '["a0"] j = MatMul(x, w) ["k0"] k = Sqrt(j) ["a1"] l = MatMul(k, w) ["k1"] y = Sqrt(l)',
            {"a0": "m.c", "k0": "m", "a1": "m.c", "k1": "m"},
            {"a0": 0, "a1": 1},
            id="a loop in a module looks like calls of the module: it gets no number",
        ),
        pytest.param(
            '["c0"] c = Shape(x) ["d0"] d = Reshape(x, c) ["a0"] u = MatMul(d, w) ["n"] v = Exp(u) '
            '["c1"] e = Shape(v) ["d1"] f = Reshape(v, e) ["a1"] y = MatMul(f, w)',
            {"n": "", **{f"{letter}{call}": "m" for letter in "acd" for call in (0, 1)}},
            {f"{letter}{call}": call for letter in "acd" for call in (0, 1)},
            id="what prepares belongs to the call that it prepares",
        ),
        pytest.param(
            '["c0"] c = Constant<value_float = 2.0>() ["a0"] t = MatMul(x, w) ["b0"] u = Mul(t, c) ["n"] v = Exp(u) '
            '["c1"] d = Constant<value_float = 2.0>() ["a1"] r = MatMul(v, w) ["b1"] y = Mul(r, d)',
            {"n": "", **{f"{letter}{call}": "m" for letter in "abc" for call in (0, 1)}},
            {f"{letter}{call}": call for letter in "abc" for call in (0, 1)},
            id="a constant belongs to the call that reads it",
        ),
        pytest.param(
            '["c"] c = Constant<value_float = 2.0>() ["a0"] t = MatMul(x, w) ["b0"] u = Mul(t, c) ["n"] v = Exp(u) '
            '["a1"] r = MatMul(v, w) ["b1"] y = Mul(r, c)',
            {"n": "", "c": "m", **IN_M},
            {"a0": 0, "b0": 0, "a1": 1, "b1": 1},
            id="a constant that two calls read belongs to none",
        ),
        pytest.param(
            '["h"] t = Transpose(w) ["a0"] u = MatMul(x, t) ["n"] v = Exp(u) ["a1"] y = MatMul(v, t)',
            {"h": "m", "a0": "m", "n": "", "a1": "m"},
            {"a0": 0, "a1": 1},
            id="a weight is read through what transposes it",
        ),
        pytest.param(
            '["h"] t = Mul(w, z) ["a0"] u = MatMul(x, t) ["n"] v = Exp(u) ["a1"] y = MatMul(v, t)',
            {"h": "m", "a0": "m", "n": "", "a1": "m"},
            {"a0": 0, "a1": 1},
            id="and through what scales it",
        ),
        pytest.param(MIXED, {**IN_PAIRS, "n": "", "o": ""}, {}, id="the nodes of calls stand mixed"),
        pytest.param(
            MIXED,
            {name: "m.c" if name.startswith("a") else "m.d" for name in IN_PAIRS} | {"n": "", "o": ""},
            {"a0": 0, "a1": 1, "a2": 2, "a3": 3},
            id="the calls of a module with weights and one node do not, but those of one without weights may",
        ),
        pytest.param(TWICE.format("", "v"), dict.fromkeys(IN_M, ""), {}, id="the root is called once"),
    ],
)
def test_calls(nodes: str, scopes: dict[str, str], expected: dict[str, int]) -> None:
    assert numbers(nodes, scopes, ("w", "z")) == expected


@pytest.mark.parametrize(
    "doubtful",
    [
        pytest.param(Tag("m", Source.INHERITED, Confidence.LOW), id="a node may be another module's"),
        pytest.param(Tag("", Source.FALLBACK, Confidence.LOW), id="the module of a node is unknown"),
    ],
)
def test_no_call_is_numbered_in_doubt(doubtful: Tag) -> None:
    source = model(TWICE.format("", "v"), parameters=["w"])
    tags = {name: Tag(scope, Source.NAME) for name, scope in IN_M.items()}

    assert calls(run_pass(CallNumber(), source, tags=tags | {"b1": doubtful})) == {}


def test_a_subgraph_of_another_module_keeps_a_module_from_being_numbered() -> None:
    nodes = (
        '["a0"] u = Sin(x) ["if"] v = If(c) <then_branch = t () => (float[4,4] p) { ["in"] p = Sin(u) },'
        ' else_branch = e () => (float[4,4] q) { ["other"] q = Exp(u) }> ["a1"] y = Sin(v)'
    )

    assert numbers(nodes, {"a0": "m", "in": "m", "if": "", "other": "", "a1": "m"}) == {}


def test_a_weight_may_go_round_in_a_circle() -> None:
    nodes = '["a"] u = Transpose(v) ["b"] v = Identity(u) ["k"] y = Relu(x)'
    source = model(nodes, parameters=["w"])
    source.graph.node[0].input[0] = "w"
    source.graph.node[0].input.append("v")

    assert calls(run_pass(CallNumber(), source, tags={name: Tag("m", Source.NAME) for name in "abk"})) == {}


def test_a_weight_may_have_a_type_that_numpy_lacks() -> None:
    source = model(TWICE.format('["n"] t = Exp(v)', "t"), parameters=["w"])
    source.graph.initializer[0].data_type = 99
    tags = {name: Tag(scope, Source.NAME) for name, scope in {**IN_M, "n": ""}.items()}

    assert calls(run_pass(CallNumber(), source, tags=tags)) == {"a0": 0, "b0": 0, "a1": 1, "b1": 1}


def test_what_the_first_call_computes_of_constants_is_no_weight() -> None:
    nodes = '["a0"] s = MatMul(x, w) ["b0"] u = Add(s, z) ["n"] v = Exp(u) ["a1"] t = MatMul(v, w) ["b1"] y = Add(t, v)'
    source = model(nodes, metadata={**dict.fromkeys(IN_M, stack("m")), "n": stack()}, parameters=["w", "z"])
    assert calls(hpass.run(source).context) == {}

    folded = source.graph.value_info.add(name="z")
    folded.metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['val_0', 'val_1']")

    assert calls(hpass.run(source).context) == {"a0": 0, "b0": 0, "a1": 1, "b1": 1}
    assert len(Extractor(hpass.run(source)).extract("m", 1).piece.nodes) == 2


def test_a_number_is_that_of_the_graph_as_it_is() -> None:
    source = model(
        TWICE.format('["n"] t = Exp(v)', "t"),
        metadata={**dict.fromkeys(IN_M, stack("m")), "n": stack()},
        parameters=["w"],
    )
    outlined = hpass.run(source, "all,outline")

    assert [tag.call for node, tag in outlined.tags() if node in list(outlined.context.graph.nodes)] == [0, None, 1]
    assert list(calls(hpass.run(outlined.apply(), "all,inline").context).values()) == [0, 0, 1, 1]


@pytest.mark.parametrize("share", ["", ":share=false"])
def test_inline_gives_back_the_numbers_that_functions_lack(share: str) -> None:
    stacks = {"k": stack("m"), "a": stack("m", "m.c"), "b": stack("m", "m.d")}
    towers = [f'["k{i}"] j{i} = Exp(x) ["a{i}"] u{i} = MatMul(j{i}, w) ["b{i}"] v{i} = MatMul(u{i}, z)' for i in (0, 1)]
    metadata = {f"{name}{i}": found for name, found in stacks.items() for i in (0, 1)} | {"n": stack()}
    plain = hpass.run(model(f'{" ".join(towers)} ["n"] y = Mul(v0, v1)', metadata=metadata, parameters=["w", "z"]))
    outlined = hpass.run(plain.apply(), f"all,outline{share}")
    inlined = hpass.run(outlined.apply(), "all,inline")

    calls_of_m = [tag.call for node, tag in outlined.tags() if node.op in {"m", "m_0", "m_1"}]
    assert calls_of_m == ([None, None] if share else [0, 1])
    assert all(tag.call is None for node, tag in outlined.tags() if not node.domain)
    assert [(node.op, tag.scope, tag.call) for node, tag in inlined.tags()] == [
        (node.op, tag.scope, tag.call) for node, tag in plain.tags()
    ]


@pytest.mark.parametrize("passes", ["all", "call-number,all", "all,outline", "all,outline:share=false", "all,rename"])
def test_a_second_run_gives_the_same_numbers(passes: str) -> None:
    first = hpass.run(shared(), passes)
    message = first.apply()
    second = hpass.run(message, passes)

    assert second.apply().SerializeToString() == message.SerializeToString()


def test_a_number_reaches_every_reader() -> None:
    run = hpass.run(shared())
    expected = {"k0": 0, "a0": 0, "n": None, "k1": 1, "a1": 1}

    assert {instance.node.name: instance.call for instance in hpass.instances(run)} == expected
    assert {row["name"]: row["call"] for row in run.to_rows()} == expected
    assert {node["name"]: node["call"] for node in report(run)["nodes"]} == expected
    tagged = run.apply()
    assert {instance.node.name: instance.call for instance in hpass.instances(tagged)} == expected
    assert [finding for finding in hpass.validate(tagged) if finding.severity == "error"] == []


def test_tags_of_version_1_are_upgraded() -> None:
    expected = hpass.run(shared()).apply()
    old = of_version_1(expected)

    assert [(finding.severity, finding.rule) for finding in hpass.validate(old)] == [("info", "format-version")]
    assert hpass.run(old).apply().SerializeToString() == expected.SerializeToString()
    assert hpass.strip(old).proto == hpass.strip(shared()).proto


def test_a_number_of_another_run_is_no_evidence() -> None:
    message = hpass.run(shared()).apply()
    for node in message.graph.node:
        for entry in node.metadata_props:
            if entry.key == "hpass.call":
                entry.value = "7"

    assert calls(hpass.run(message).context) == calls(hpass.run(shared()).context)


@pytest.mark.parametrize("passes", ["all,rename", "all,annotate:key=namespace", "all,rename,annotate:key=doc"])
def test_passes_that_keep_the_graph_keep_the_numbers(passes: str) -> None:
    expected = [tag.call for _, tag in hpass.run(shared()).tags()]

    assert [tag.call for _, tag in hpass.run(shared(), passes).tags()] == expected
    assert [tag.call for _, tag in hpass.run(hpass.run(shared(), passes).apply(), retag=True).tags()] == expected


def test_a_reference_gives_the_numbers_back() -> None:
    tagged = hpass.run(shared()).apply()
    bare = onnx.ModelProto()
    bare.CopyFrom(tagged)
    del bare.metadata_props[:]
    for node in bare.graph.node:
        node.name = ""
        del node.metadata_props[:]

    restored = hpass.run(bare, reference=tagged)

    assert [tag.call for _, tag in restored.tags()] == [tag.call for _, tag in hpass.run(shared()).tags()]


def test_strip_removes_the_numbers() -> None:
    source = shared()

    assert hpass.strip(hpass.run(source).apply()).proto == hpass.strip(source).proto


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").glob("*.onnx")), ids=lambda path: path.stem)
def test_extraction_has_the_same_calls(path: Path) -> None:
    extractor = Extractor(hpass.run(path))

    assert_same_calls(extractor)


def test_extraction_has_the_same_calls_of_a_shared_module() -> None:
    assert_same_calls(Extractor(hpass.run(shared())))


def assert_same_calls(extractor: Extractor) -> None:
    """Compare the numbers of nodes with the nodes that are extracted."""
    nodes = [(node, extractor.run.tag(node)) for node in extractor.run.context.graph.nodes]
    for scope in {tag.scope for _, tag in nodes if tag is not None and tag.call is not None}:
        preparation = extractor.whole()
        inside = [index for index, found in enumerate(preparation.flow.scopes) if f"{found}.".startswith(f"{scope}.")]
        for number, call in enumerate(extractor.calls(preparation, inside, scope, wanted=True)):
            found = [nodes[index][1] for index in call]
            assert {tag.call for tag in found if tag is not None and tag.scope == scope} <= {number}


def of_version_1(tagged: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy with tags of version 1 of the format, which has no numbers of calls."""
    old = onnx.ModelProto()
    old.CopyFrom(tagged)
    for entry in old.metadata_props:
        if entry.key == "hpass.version":
            entry.value = "1"
    for node in old.graph.node:
        set_entry(node, "hpass.call", None)
    return old


def shared() -> onnx.ModelProto:
    """Return a model that calls a module and the one below it twice."""
    stacks = {"k0": stack("m"), "a0": stack("m", "m.c"), "n": stack(), "k1": stack("m"), "a1": stack("m", "m.c")}
    return model(
        '["k0"] j = Exp(x) ["a0"] u = MatMul(j, w) ["n"] v = Exp(u) ["k1"] k = Exp(v) ["a1"] y = MatMul(k, w)',
        metadata=stacks,
        parameters=["w"],
    )
