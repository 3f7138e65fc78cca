"""aux-inheritance: where nodes without evidence go, in each region, and whom root operations serve."""

from __future__ import annotations

import pytest
from text_models import model, run_pass, scopes_of, tags_of

from hpass import Confidence, Source, Tag
from hpass.passes.aux_inheritance import AuxInheritance, Root

CHAIN = '["1"] a = Relu(x) ["2"] b = Reshape(a, x) ["3"] y = Relu(b)'
TWO_BLOCKS = "".join(
    f'["{i}.in"] a{i} = MatMul({"x" if not i else f"c{i - 1}"}, x) ["{i}.act"] b{i} = Relu(a{i})'
    f' ["{i}.out"] c{i} = MatMul(b{i}, x)'
    for i in range(4)
)


def named(scope: str) -> Tag:
    return Tag(scope, Source.NAME)


INHERITED = [
    pytest.param(CHAIN, {"1": "a", "3": "a"}, {"2": "a"}, id="between two nodes of one module"),
    pytest.param(CHAIN, {"1": "a.b", "3": "a.b"}, {"2": "a.b"}, id="however deep it lies"),
    pytest.param(
        '["s"] v = Shape(x) ["1"] u = Relu(x) ["2"] y = Reshape(u, v)',
        {"1": "a", "2": "a"},
        {"s": "a"},
        id="what prepares a module's work",
    ),
    pytest.param(
        '["1"] u = Relu(x) ["2"] v = Transpose(u) ["3"] w = Cast(v) ["4"] z = Relu(w) ["5"] y = Relu(z)',
        {"1": "a", "4": "a", "5": "b"},
        {"2": "a", "3": "a"},
        id="a chain of operations inside a module",
    ),
    pytest.param(
        TWO_BLOCKS,
        {f"{i}.{name}": f"layer.{i}.{name}" for i in range(4) for name in ("in", "out")} | {"1.act": "layer.1.act"},
        {f"{i}.act": f"layer.{i}.act" for i in (0, 2, 3)},
        id="twins in repeated blocks",
    ),
]


@pytest.mark.parametrize(("nodes", "before", "inherited"), INHERITED)
def test_a_node_inherits_from_what_surrounds_it(
    nodes: str, before: dict[str, str], inherited: dict[str, str]
) -> None:
    context = run_pass(AuxInheritance(), model(nodes), tags={node: named(scope) for node, scope in before.items()})

    assert scopes_of(context) == before | inherited
    assert {node: source for node, (_, source, _) in tags_of(context).items() if node in inherited} == dict.fromkeys(
        inherited, "inherited"
    )


UNTOUCHED = [
    pytest.param(CHAIN, {}, id="nothing to inherit from"),
    pytest.param(CHAIN, {"1": named("a"), "2": named("b"), "3": named("a")}, id="nothing left to place"),
    pytest.param(
        CHAIN,
        {"1": named("a"), "2": Tag("b", Source.FALLBACK, Confidence.LOW), "3": named("a")},
        id="a fallback of an earlier run is a tag as well",
    ),
    pytest.param(
        '["if"] y = If(x) <then_branch = t () => (float[1] u) { ["then"] u = Neg(x) },'
        ' else_branch = e () => (float[1] v) { ["else"] v = Abs(x) }>',
        {"if": named("a")},
        id="a subgraph without a tag is left to fallback",
    ),
]


@pytest.mark.parametrize(("nodes", "tags"), UNTOUCHED)
def test_what_needs_no_module_or_has_no_surroundings_is_left(nodes: str, tags: dict[str, Tag]) -> None:
    context = run_pass(AuxInheritance(), model(nodes), tags=tags)

    assert {node.name: tag for node, tag in context.tags()} == tags


def test_the_reason_names_the_surroundings_the_module_and_how_likely_it_is() -> None:
    context = run_pass(AuxInheritance(), model(CHAIN), tags={"1": named("a"), "3": named("a")})

    (reason,) = (context.reason(node) for node in context.nodes() if node.name == "2")
    assert reason.startswith("its surroundings point to 'a'")
    assert reason.endswith("%)")


def test_a_subgraph_s_nodes_inherit_within_the_module_of_its_holder() -> None:
    source = model(
        '["if"] y = If(x) <then_branch = t () => (float[1] w) {'
        ' ["1"] u = Neg(x) ["2"] v = Cast(u) ["3"] w = Abs(v) },'
        ' else_branch = e () => (float[1] v) { ["else"] v = Abs(x) }>'
    )

    context = run_pass(AuxInheritance(), source, tags={"if": named("a"), "1": named("a.b"), "3": named("a.b")})

    assert scopes_of(context) == {"if": "a", "1": "a.b", "2": "a.b", "3": "a.b"}


FUNCTION = '<domain: "local", opset_import: ["": 18]> F (p) => (q) { ["body"] q = Neg(p) }'
INNER = '<domain: "local", opset_import: ["": 18, "local": 1]> G (p) => (q) { ["inner"] q = local.F(p) }'


@pytest.mark.parametrize(
    ("nodes", "functions", "before", "bodies"),
    [
        pytest.param('["1"] y = local.F(x)', FUNCTION, {"1": "a.b"}, {"body": "a.b"}, id="one call: its module"),
        pytest.param(
            '["1"] u = local.F(x) ["2"] y = local.F(u)',
            FUNCTION,
            {"1": "a.b", "2": "a.c"},
            {"body": "a"},
            id="several calls: their common ancestor",
        ),
        pytest.param(
            '["1"] u = local.F(x) ["2"] y = local.F(u)',
            FUNCTION,
            {"1": "a", "2": "b"},
            {"body": ""},
            id="calls that share nothing: the root",
        ),
        pytest.param('["1"] y = Relu(x)', FUNCTION, {"1": "a"}, {"body": ""}, id="never called: the root"),
        pytest.param(
            '["1"] y = local.G(x)', FUNCTION + INNER, {"1": "a"}, {"inner": "a", "body": "a"}, id="a call in a function"
        ),
        pytest.param(
            '["1"] u = local.G(x) ["2"] y = local.F(u)',
            FUNCTION + INNER,
            {"1": "a.b", "2": "a.c"},
            {"inner": "a.b", "body": "a"},
            id="calls in functions count as calls",
        ),
        pytest.param(
            '["1"] y = If(x) <then_branch = t () => (float[1] u) { ["then"] u = local.F(x) },'
            ' else_branch = e () => (float[1] v) { ["else"] v = Abs(x) }>',
            FUNCTION,
            {"1": "a", "then": "a.b", "else": "a.c"},
            {"body": "a.b"},
            id="a call in a subgraph",
        ),
        pytest.param(
            '["1"] y = local.H(x)',
            '<domain: "local", opset_import: ["": 18, "local": 1]> H (p) => (q) { ["again"] q = local.H(p) }',
            {"1": "a"},
            {"again": "a"},
            id="a function that calls itself, which ONNX forbids",
        ),
    ],
)
def test_a_function_body_runs_where_its_calls_meet(
    nodes: str, functions: str, before: dict[str, str], bodies: dict[str, str]
) -> None:
    context = run_pass(
        AuxInheritance(), model(nodes, functions=functions), tags={node: named(scope) for node, scope in before.items()}
    )

    assert scopes_of(context) == before | bodies


def test_each_overload_runs_where_its_own_calls_meet() -> None:
    overloads = "".join(
        f'<domain: "local", opset_import: ["": 18], overload: "{name}"> F (p) => (q) {{ ["{name}"] q = Neg(p) }}'
        for name in ("one", "two")
    )
    source = model('["1"] u = local.F(x) ["2"] y = local.F(u)', functions=overloads)
    source.graph.node[0].overload, source.graph.node[1].overload = "one", "two"

    context = run_pass(AuxInheritance(), source, tags={"1": named("a"), "2": named("b")})

    assert scopes_of(context) == {"1": "a", "2": "b", "one": "a", "two": "b"}


def test_a_function_body_with_a_tag_inside_is_placed_around_it() -> None:
    body = '["b1"] r = Neg(p) ["b2"] s = Cast(r) ["b3"] q = Abs(s)'
    functions = f'<domain: "local", opset_import: ["": 18]> F (p) => (q) {{ {body} }}'

    context = run_pass(
        AuxInheritance(),
        model('["1"] y = local.F(x)', functions=functions),
        tags={"1": named("a"), "b1": named("a.b"), "b3": named("a.b")},
    )

    assert scopes_of(context)["b2"] == "a.b"


MASK = (
    '["shape"] s = Shape(x) ["range"] r = Range(s, s, s) ["less"] m = Less(r, r) ["cast"] f = Cast(m)'
    ' ["mul"] g = Mul(f, f) ["expand"] e = Expand(g, s)'
    ' ["in"] h = MatMul(x, x) ["0"] i = Add(h, e) ["1"] j = Add(i, e) ["out"] y = MatMul(j, x)'
)
MASK_TAGS = dict.fromkeys(("shape", "range", "less", "cast", "mul", "expand"), named("")) | {
    "in": named("embeddings"),
    "0": named("encoder.layer.0.attention"),
    "1": named("encoder.layer.1.attention"),
    "out": named("head"),
}


def served(source: str, tags: dict[str, Tag], root: Root = Root.SERVE, uncalled: tuple[str, ...] = ()) -> dict[str, str]:
    context = run_pass(AuxInheritance(root=root), _with_modules(source, tags, uncalled), tags=tags)
    return {node.name: tag.serves for node, tag in context.tags() if tag.serves is not None}


def _with_modules(source: str, tags: dict[str, Tag], uncalled: tuple[str, ...]) -> object:
    modules: dict[str, object] = {}
    for tag in tags.values():
        atoms = tag.scope.split(".")
        for end in range(1, len(atoms) + 1):
            modules[".".join(atoms[:end])] = {}
    modules |= {scope: {"called": False} for scope in uncalled}
    return modules


