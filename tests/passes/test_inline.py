"""inline: calls become the nodes of their functions, and these get the modules of the calls."""

from __future__ import annotations

import onnx
import pytest
from product import ROOT
from text_models import model, run_pass, scopes_of
from unoptimised import outputs, same

import hpass
from hpass import Source, Tag, UsageError
from hpass.graph.verify.onnx_check import check_structure
from hpass.graph.walk import all_nodes
from hpass.passes.inline import Inline

A, B = Tag("a", Source.NAME), Tag("b", Source.NAME)
TWICE = '<domain: "local", opset_import: ["": 18]> twice (i) => (o) { ["in"] h = Relu(i) ["out"] o = Neg(h) }'


def inlined(
    source: onnx.ModelProto, tags: dict[str, Tag], step: Inline | None = None
) -> tuple[onnx.ModelProto, dict[str, str]]:
    context = run_pass(step or Inline(), source, tags=tags)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    return context.model.proto, scopes_of(context)


def test_nodes_get_the_module_of_the_call_and_names_that_are_free() -> None:
    source = model('["n"] v = local.twice(x) ["m"] y = local.twice(v)', functions=TWICE)
    root = Tag("", Source.NAME)
    after, scopes = inlined(source, {"n": A, "m": B, "in": root, "out": root})

    assert scopes == {"in": "a", "out": "a", "in_1": "b", "out_1": "b"}
    assert [(node.op_type, *node.input, *node.output) for node in after.graph.node] == [
        ("Relu", "x", "h"),
        ("Neg", "h", "v"),
        ("Relu", "v", "h_1"),
        ("Neg", "h_1", "y"),
    ]
    assert not after.functions
    assert same(outputs(source, ROOT), outputs(after, ROOT))


def test_a_module_of_its_own_that_is_not_around_the_call_stays() -> None:
    source = model('["n"] y = local.twice(x)', functions=TWICE)
    _, scopes = inlined(source, {"n": A, "in": Tag("a.b", Source.NAME), "out": Tag("", Source.NAME)})

    assert scopes == {"in": "a.b", "out": "a"}


@pytest.mark.parametrize(
    ("nodes", "function", "expected"),
    [
        pytest.param(
            '["n"] y = local.f <axis = 1> (x)',
            "f <axis> (i) => (o) { o = Softmax <axis: int = @axis> (i) }",
            "y = Softmax <axis: int = 1> (x)",
            id="an attribute of the call",
        ),
        pytest.param(
            '["n"] y = local.f (x)',
            "f <axis: int = 0> (i) => (o) { o = Softmax <axis: int = @axis> (i) }",
            "y = Softmax <axis: int = 0> (x)",
            id="the default of an attribute",
        ),
        pytest.param(
            '["n"] y = local.f (x)',
            "f <axis> (i) => (o) { o = Softmax <axis: int = @axis> (i) }",
            "y = Softmax (x)",
            id="an attribute that nothing gives",
        ),
        pytest.param(
            '["n"] y = local.f (x)',
            "f (i, low) => (o) { o = Clip (i, low) }",
            'y = Clip (x, "")',
            id="an input that is left out",
        ),
        pytest.param(
            '["n"] "", y = local.f (x)',
            "f (i) => (p, o) { p = Relu (i) o = Neg (i) }",
            "p = Relu (x) y = Neg (x)",
            id="an output that is left out",
        ),
        pytest.param(
            '["n"] y = local.f (x)',
            "f (i) => (i) { o = Neg (i) }",
            "o = Neg (x) y = Identity (x)",
            id="an input that is an output",
        ),
        pytest.param(
            '["n"] v, w = local.f (x) y = Add (v, w)',
            "f (i) => (o, o) { o = Neg (i) }",
            "v = Neg (x) w = Identity (v) y = Add (v, w)",
            id="an output that stands there twice",
        ),
        pytest.param(
            '["n"] y = local.f (x)',
            "f (i) => (o) { s = ReduceMax <keepdims: int = 0> (i) k = Cast <to: int = 9> (s) o = If (k) "
            "<then_branch: graph = t () => (float[4, 4] u) { u = Neg (i) },"
            " else_branch: graph = e () => (float[4, 4] w) { w = Abs (i) }> }",
            "s = ReduceMax <keepdims: int = 0> (x) k = Cast <to: int = 9> (s) y = If (k) "
            "<then_branch: graph = t () => (float[4, 4] u) { u = Neg (x) },"
            " else_branch: graph = e () => (float[4, 4] w) { w = Abs (x) }>",
            id="what a subgraph reads",
        ),
    ],
)
def test_calls_become_nodes(nodes: str, function: str, expected: str) -> None:
    source = model(nodes, functions=f'<domain: "local", opset_import: ["": 18]> {function}')
    after, _ = inlined(source, dict.fromkeys(("n", ""), A))
    for node in all_nodes(after):
        node.ClearField("name")
        del node.metadata_props[:]
    del after.metadata_props[:]

    assert onnx.printer.to_text(after) == onnx.printer.to_text(model(expected))


def test_functions_inside_functions_and_inside_subgraphs() -> None:
    source = model(
        """["s"] s = ReduceMax <keepdims = 0> (x) ["k"] k = Cast <to = 9> (s)
        ["if"] v = If(k) <then_branch = t () => (float[4, 4] u) { ["p"] u = local.outer(x) },
                          else_branch = e () => (float[4, 4] w) { ["q"] w = Abs(x) }> ["n"] y = local.outer(v)""",
        functions=f'{TWICE} <domain: "local", opset_import: ["": 18, "local": 1]> outer (i) => (o) '
        '{ ["one"] h = local.twice(i) ["two"] o = local.twice(h) }',
    )
    after, _ = inlined(source, {node.name: A for node in all_nodes(source)})

    assert not after.functions
    assert len(list(all_nodes(after))) == 4 + 2 * 4
    assert check_structure(after) is None
    assert same(outputs(source, ROOT), outputs(after, ROOT))


def test_a_function_with_another_version_of_the_operators_is_left_alone() -> None:
    source = model('["n"] y = local.twice(x)', functions=TWICE.replace("18", "17"))
    context = run_pass(Inline(), source, tags=dict.fromkeys(("n", "in", "out"), A))

    assert [node.op_type for node in context.model.proto.graph.node] == ["twice"]
    assert [finding.message for finding in context.findings] == [
        "function 'twice' is not inlined: it uses version 17 of the standard operators, its caller version 18"
    ]


def test_a_domain_that_only_the_function_imports_is_imported() -> None:
    source = model(
        '["n"] y = local.f(x)', functions='<domain: "local", opset_import: ["more": 3]> f (i) => (o) { o = more.Op(i) }'
    )
    after, _ = inlined(source, {"n": A, "": A})

    assert {opset.domain: opset.version for opset in after.opset_import} == {"": 18, "local": 1, "more": 3}


def test_a_function_that_calls_itself_stays() -> None:
    function = '<domain: "local", opset_import: ["": 18, "local": 1]> loop (a) => (b) { ["l"] b = local.loop(a) }'
    after, _ = inlined(model('["n"] y = local.loop(x)', functions=function), {"n": A, "l": A})

    assert [node.op_type for node in after.graph.node] == ["loop"]
    assert len(after.functions) == 1


def test_only_the_calls_in_some_modules() -> None:
    source = model('["n"] v = local.twice(x) ["m"] y = local.twice(v)', functions=TWICE)
    after, _ = inlined(source, {"n": A, "m": B, "in": A, "out": A}, Inline(modules="b"))

    assert [node.op_type for node in after.graph.node] == ["twice", "Relu", "Neg"]
    assert len(after.functions) == 1


def outlined() -> onnx.ModelProto:
    source = model('["n"] v = Relu(x) ["m"] w = Neg(v) ["k"] y = Abs(w)')
    tags = {"n": A, "m": Tag("a.b.c", Source.NAME), "k": Tag("a.b", Source.NAME)}
    context = run_pass(hpass.Pipeline.parse("outline:share=false").passes[0], source, tags=tags)
    context.model.apply(context.tagged_nodes(), context.table.modules)
    return context.model.proto


@pytest.mark.parametrize(
    ("modules", "after"),
    [
        pytest.param("=a.b.c", {"a.b": ["Neg c", "Abs "], "a": ["Relu ", "a.b b"]}, id="inside a function that stays"),
        pytest.param("=a.b", {"a.b.c": ["Neg "], "a": ["Relu ", "a.b.c b.c", "Abs b"]}, id="with a call inside"),
        pytest.param("a.b", {"a": ["Relu ", "Neg b.c", "Abs b"]}, id="both"),
        pytest.param("=a", {"a.b": ["a.b.c c", "Abs "], "a.b.c": ["Neg "]}, id="the outermost"),
    ],
)
def test_functions_that_stay_are_inlined_into(modules: str, after: dict[str, list[str]]) -> None:
    run = hpass.run(outlined(), "all,inline", settings={"inline.modules": modules})
    proto = run.apply()
    found = {
        function.name: [
            f"{node.op_type} {entry.value}"
            for node in function.node
            for entry in node.metadata_props
            if entry.key == "hpass.within"
        ]
        for function in proto.functions
    }
    instances = hpass.instances(run)

    assert found == after
    assert hpass.validate(proto) == []
    expected = {"Relu": "a", "Neg": "a.b.c", "Abs": "a.b"}
    assert {instance.node.op: instance.scope for instance in instances if instance.node.op in expected} == expected


def test_some_calls_of_a_shared_function_are_an_error() -> None:
    outer = '<domain: "local", opset_import: ["": 18, "local": 1]> outer (i) => (o) { ["one"] o = local.twice(i) }'
    source = model(
        '["n"] v = local.outer(x) ["m"] y = local.outer(v)',
        functions=f"{TWICE} {outer}",
        metadata={"one": {"hpass.within": "c"}},
    )
    with pytest.raises(UsageError, match="takes only some calls of function 'twice'"):
        inlined(
            source, {"n": A, "m": B} | dict.fromkeys(("one", "in", "out"), Tag("", Source.NAME)), Inline(modules="a.c")
        )
