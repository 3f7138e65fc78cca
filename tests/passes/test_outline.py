"""outline: modules become functions, the results stay, and `inline` gives back every node, name, value and entry."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import onnx.inliner
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from product import ROOT
from text_models import model, run_pass
from unoptimised import outputs, same

import hpass
from hpass import Context, HpassError, Source, Tag, UsageError
from hpass.graph.verify.onnx_check import check_structure
from hpass.graph.walk import all_nodes, graphs_within
from hpass.passes.outline import Outline

FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
# Functions that the file has already are inlined as well.
WITHOUT_FUNCTIONS = [path for path in FIXTURES if path.stem != "functions"]


# The numbers of calls depend on the order of the nodes, which is another one after a way back.
PLACING = "scope-parse,module-mapping,aux-inheritance,fallback"


def tags(**scopes: str) -> dict[str, Tag]:
    return {name: Tag(scope, Source.NAME) for name, scope in scopes.items()}


def outlined(source: onnx.ModelProto, tagged: dict[str, Tag], step: Outline | None = None) -> Context:
    context = run_pass(step or Outline(share=False), source, tags=tagged)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    return context


def graphs(context: Context) -> dict[str, list[str]]:
    """Return the operators of the main graph and of each function, with `hpass.within` of the nodes in functions."""
    found = {"": [node.op_type for node in context.model.proto.graph.node]}
    for function in context.model.proto.functions:
        found[function.name] = [f"{node.op_type} {entries(node)['hpass.within']}".rstrip() for node in function.node]
    return found


def entries(node: onnx.NodeProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in node.metadata_props}


def copy(proto: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.ModelProto.FromString(proto.SerializeToString())


def in_one_order(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which the order of nodes and of types says nothing."""
    sorted_copy = copy(proto)
    for graph in reversed(list(graphs_within(sorted_copy.graph))):
        for field in (graph.node, graph.value_info):
            field.sort(key=lambda message: message.SerializeToString())
    return sorted_copy


@pytest.mark.parametrize(
    ("nodes", "scopes", "after"),
    [
        pytest.param(
            '["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)',
            {"n": "", "m": "a", "k": "a"},
            {"": ["Relu", "a"], "a": ["Neg", "Abs"]},
            id="a module is a function, and the root is none",
        ),
        pytest.param(
            '["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)',
            {"n": "a", "m": "a.b.c", "k": "a.b"},
            {"": ["a"], "a.b.c": ["Neg"], "a.b": ["a.b.c c", "Abs"], "a": ["Relu", "a.b b"]},
            id="a module inside a module is a function inside a function",
        ),
        pytest.param(
            '["n"] v = Relu(x) ["m"] w = Neg(x) ["k"] z = Abs(v) ["l"] y = Add(w, z)',
            {"n": "a", "m": "b", "k": "a", "l": "b"},
            {"": ["a", "b"], "a": ["Relu", "Abs"], "b": ["Neg", "Add"]},
            id="nodes of a module need not stand together",
        ),
        pytest.param(
            '["n"] v = Relu(x) ["m"] w = MatMul(v, v) ["k"] y = Neg(w)',
            {"n": "a", "m": "b", "k": "a"},
            {"": ["Relu", "b", "Neg"], "b": ["MatMul"]},
            id="a module that is not convex is left alone, and others are not",
        ),
        pytest.param(
            '["n"] u = Relu(x) ["m"] v = MatMul(u, u) ["k"] w = Relu(v) ["l"] y = MatMul(w, w)',
            {"n": "a.c", "m": "b", "k": "a.c", "l": "b"},
            {"": ["a_0", "b_0", "a_1", "b_1"], "a_0": ["a.c_0 c"], "a.c_0": ["Relu"], "b_0": ["MatMul"]}
            | {"a_1": ["a.c_1 c"], "a.c_1": ["Relu"], "b_1": ["MatMul"]},
            id="calls of a module that are told apart are a function each",
        ),
        pytest.param(
            '["n"] u = Relu(x) ["m"] v = Abs(x) ["k"] w = Relu(v) ["l"] y = Add(u, w)',
            {"n": "a", "m": "b", "k": "a", "l": ""},
            {"": ["a_0", "b", "a_1", "Add"], "a_0": ["Relu"], "b": ["Abs"], "a_1": ["Relu"]},
            id="so are calls that do not depend on each other",
        ),
    ],
)
def test_modules_become_functions(nodes: str, scopes: dict[str, str], after: dict[str, list[str]]) -> None:
    source = model(nodes)
    context = outlined(source, tags(**scopes))

    assert graphs(context) == after
    assert check_structure(context.model.proto) is None
    assert same(outputs(source, ROOT), outputs(context.model.proto, ROOT))


@pytest.mark.parametrize(
    ("step", "functions"),
    [
        pytest.param(Outline(depth=1, share=False), ["a", "d"], id="a depth"),
        pytest.param(Outline(depth=2, share=False), ["a.b", "d"], id="a depth, and what ends above it"),
        pytest.param(Outline("=a.b;d", share=False), ["a.b", "d"], id="patterns"),
        pytest.param(Outline("a.b", share=False), ["a.b.c", "a.b"], id="a module and all below it"),
        pytest.param(Outline("a", depth=3, share=False), ["a.b.c"], id="both"),
    ],
)
def test_which_modules(step: Outline, functions: list[str]) -> None:
    source = model('["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] u = Abs(w) ["l"] y = Exp(u)')
    context = outlined(source, tags(n="a", m="a.b.c", k="a.b", l="d"), step)

    assert [function.name for function in context.model.proto.functions] == functions


def test_what_a_subgraph_reads_is_handed_in_and_its_modules_are_functions() -> None:
    source = model(
        """["c"] k = Cast <to = 9> (x) ["s"] s = ReduceMax <keepdims = 0> (k) ["n"] outer = Relu(x)
        ["if"] y = If(s) <then_branch = t () => (float[4, 4] u) { ["p"] h = Neg(outer) ["q"] u = Abs(h) },
                          else_branch = e () => (float[4, 4] w) { ["r"] w = Add(outer, p) }>""".replace(
            '["s"] s = ReduceMax <keepdims = 0> (k)',
            '["s0"] s0 = ReduceMax <keepdims = 0> (x) ["s"] s = Cast <to = 9> (s0)',
        ).replace('["c"] k = Cast <to = 9> (x)', ""),
        parameters=["p"],
    )
    scopes = tags(s0="", s="", n="", p="a.b", q="a.b", r="a.c") | {"if": Tag("a", Source.NAME)}
    context = outlined(source, scopes)
    functions = {function.name: function for function in context.model.proto.functions}

    assert {name: list(function.input) for name, function in functions.items()} == {
        "a.b": ["outer"],
        "a.c": ["outer", "p"],
        "a": ["s", "outer", "p"],
    }
    assert check_structure(context.model.proto) is None
    assert same(outputs(source, ROOT), outputs(context.model.proto, ROOT))


def test_types_go_into_the_function_and_come_back() -> None:
    source = model('["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)')
    for name in ("v", "w"):
        source.graph.value_info.add(name=name, doc_string=name).metadata_props.add(key="k", value=name)
    context = outlined(source, tags(n="", m="a", k="a"))
    proto = context.model.proto

    assert [info.name for info in proto.graph.value_info] == ["v"]
    assert [info.name for info in proto.functions[0].value_info] == ["w"]
    assert {info.SerializeToString() for info in hpass.run(copy(proto), "all,inline").apply().graph.value_info} == {
        info.SerializeToString() for info in source.graph.value_info
    }


def test_a_served_module_is_below_the_call_as_well() -> None:
    source = model('["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)')
    scopes = {
        "n": Tag("a", Source.NAME, serves="a.b"),
        "m": Tag("a", Source.NAME, serves="c"),
        "k": Tag("a.b", Source.NAME),
    }
    proto = outlined(source, scopes, Outline(depth=1, share=False)).model.proto
    found = [
        {
            key: value
            for key, value in entries(node).items()
            if key in {"hpass.scope", "hpass.within", "hpass.within_serves", "hpass.serves"}
        }
        for node in proto.functions[0].node
    ]
    assert found == [
        {"hpass.scope": "a", "hpass.within": "", "hpass.within_serves": "b"},
        {"hpass.scope": "a", "hpass.within": "", "hpass.serves": "c"},
        {"hpass.scope": "a", "hpass.within": "b"},
    ]
    back = hpass.run(copy(proto), "all,inline")
    assert {node.name: (tag.scope, tag.serves) for node, tag in back.tags()} == {
        name: (tag.scope, tag.serves) for name, tag in scopes.items()
    }


def test_a_name_that_is_not_utf_8_keeps_a_module_out() -> None:
    source = model('["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)')
    data = source.SerializeToString().replace(b"\x0a\x01v", b"\x0a\x01\xff").replace(b"\x12\x01v", b"\x12\x01\xff")
    context = outlined(onnx.ModelProto.FromString(data), tags(n="a", m="a", k="b"))

    assert graphs(context) == {"": ["Relu", "Neg", "b"], "b": ["Abs"]}
    assert [finding.message for finding in context.findings] == [
        "1 module is no function: 'a'; the name of a value is not UTF-8"
    ]


def test_the_name_of_a_call_leads_to_its_module_if_that_has_a_slash() -> None:
    run = hpass.run(model('["/a%2Fb/n"] v = Relu(x) ["m"] y = Neg(v)'), "all,outline:share=false")
    again = hpass.run(copy(run.apply()), retag=True)

    assert [(node.name, tag.scope) for node, tag in again.tags() if node.op == "a/b"] == [("/a%2Fb/a%2Fb", "a/b")]


def test_an_operator_of_a_runtime_alone_keeps_a_module_out() -> None:
    # onnxruntime has this operator among the standard ones, and crashes on a function with it.
    source = model(
        '["n"] v = SimplifiedLayerNormalization <axis = 0> (x, p) ["m"] w = Neg(v) ["k"] y = Abs(w)', parameters=["p"]
    )
    context = outlined(source, tags(n="a.b", m="a.c", k="a.c"))

    assert graphs(context) == {"": ["SimplifiedLayerNormalization", "a.c"], "a.c": ["Neg", "Abs"]}
    (finding,) = context.findings
    assert finding.message.startswith("2 modules are no functions: 'a', 'a.b'; version 18 of the standard operators")
    assert same(outputs(source, ROOT), outputs(context.model.proto, ROOT))


def test_an_untagged_node_and_a_wrong_option_are_errors() -> None:
    with pytest.raises(HpassError, match="pass outline cannot run: 1 node has no tag; put `all` before it"):
        hpass.run(model("y = Relu(x)"), "outline")
    with pytest.raises(UsageError, match="depth: -1 is less than 0"):
        Outline(depth=-1)
    with pytest.raises(UsageError, match="no module matches 'b'"):
        outlined(model('["n"] y = Relu(x)'), tags(n="a"), Outline(modules="b"))


@pytest.mark.parametrize(("depth", "share"), [(0, "true"), (0, "false"), (1, "false"), (2, "true"), (3, "true")])
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_as_functions_computes_the_same(path: Path, depth: int, share: str) -> None:
    passes = f"all,outline:depth={depth}:share={share}"
    run = hpass.run(path, passes)
    after = copy(run.apply())
    reopened = hpass.Model(copy(after), str(path), path.parent, run.model.locations)

    assert run.ok
    assert hpass.validate(reopened) == []
    assert check_structure(after) is None
    source = onnx.load(path, load_external_data=False)
    assert same(outputs(source, path.parent), outputs(after, path.parent))
    again = hpass.run(reopened)
    assert [finding.message for finding in again.findings if finding.rule == "unknown-module"] == []
    assert again.apply().SerializeToString() == after.SerializeToString()
    assert hpass.run(reopened, passes).apply().SerializeToString() == after.SerializeToString()


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("path", WITHOUT_FUNCTIONS, ids=lambda path: path.stem)
def test_inline_gives_back_everything(path: Path, depth: int) -> None:
    before = hpass.run(path)
    run = hpass.run(path, f"all,outline:depth={depth}:share=false")
    model_after = hpass.Model(copy(run.apply()), str(path), path.parent, run.model.locations)

    assert in_one_order(hpass.run(model_after, "all,inline").apply()) == in_one_order(before.apply())


@pytest.mark.parametrize("path", WITHOUT_FUNCTIONS, ids=lambda path: path.stem)
def test_tagging_anew_keeps_the_modules(path: Path) -> None:
    expected = {node.name: tag.scope for node, tag in hpass.run(path).tags() if tag.scope}
    run = hpass.run(path, "all,outline:share=false")
    again = hpass.run(hpass.Model(copy(run.apply()), str(path), path.parent, run.model.locations), retag=True)
    assert again.ok
    back = hpass.run(hpass.Model(copy(again.apply()), str(path), path.parent, run.model.locations), "all,inline")
    found = {node.name: tag.scope for node, tag in back.tags()}

    assert expected.items() <= found.items()


GRAPHS = st.lists(
    st.tuples(st.sampled_from(["", "a", "a.b", "a.c", "d", "d.e"]), st.lists(st.integers(0, 9), max_size=3)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=50)
@given(GRAPHS)
@example(list(zip(["", "", "", "a", "a", "d", "d", "a"], [[], [], [], [], [], [3], [], [6]], strict=True)))
def test_any_graph_comes_back(nodes: list[tuple[str, list[int]]]) -> None:
    text: list[str] = []
    for index, (_, reads) in enumerate(nodes):
        names = [f"v{read}" for read in reads if read < index] or ["x"]
        text.append(f'["n{index}"] v{index} = Sum({", ".join(names)})')
    text.append(f'["last"] y = Sum({", ".join(f"v{index}" for index in range(len(nodes)))})')
    source = model(" ".join(text))
    scopes = tags(**{f"n{index}": scope for index, (scope, _) in enumerate(nodes)}, last="")
    plain = outlined(source, scopes, Outline("!**")).model.proto
    after = copy(outlined(source, scopes).model.proto)

    assert check_structure(after) is None
    assert same(outputs(source, ROOT), outputs(after, ROOT))
    assert in_one_order(hpass.run(copy(after), f"{PLACING},inline").apply()) == in_one_order(plain)
    again = hpass.run(copy(after), f"{PLACING},outline:share=false").apply()
    assert again.SerializeToString() == after.SerializeToString()


def test_another_inliner_leaves_no_notes_behind() -> None:
    path = ROOT / "fixtures" / "hybrid.onnx"
    after = hpass.run(path, "all,outline:share=false").apply()
    flat = onnx.inliner.inline_local_functions(after)
    run = hpass.run(flat)

    assert run.ok
    assert not any(key.startswith("hpass.within") for node in all_nodes(run.apply()) for key in entries(node))
    assert Counter(tag.scope for _, tag in run.tags()) == Counter(tag.scope for _, tag in hpass.run(path).tags())
