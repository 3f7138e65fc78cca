"""aux-inheritance: where nodes without evidence go, in each region, and whom root operations serve."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from text_models import model, run_pass, scopes_of, stack, table, tags_of

import hpass
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
def test_a_node_inherits_from_what_surrounds_it(nodes: str, before: dict[str, str], inherited: dict[str, str]) -> None:
    context = run_pass(AuxInheritance(), model(nodes), tags={node: named(scope) for node, scope in before.items()})

    assert scopes_of(context) == before | inherited
    assert {node: source for node, (_, source, _) in tags_of(context).items() if node in inherited} == dict.fromkeys(
        inherited, "inherited"
    )


@pytest.mark.parametrize("confidence", [Confidence.HIGH, Confidence.MEDIUM])
def test_nothing_is_more_certain_than_the_parameters_of_its_module(confidence: Confidence) -> None:
    source = model('["0"] w = Relu(x) ["1"] a = Relu(w) ["2"] b = Concat<axis = 0>(a, w) ["3"] y = Relu(b)')
    before = {"0": named("b")} | {node: Tag("a", Source.PARAMETER, confidence) for node in ("1", "3")}

    assert tags_of(run_pass(AuxInheritance(), source, tags=before))["2"] == ("a", "inherited", confidence)


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

    assert {node.name: tag for node, tag in context.tagged_nodes()} == tags


def test_the_reason_names_the_surroundings_the_module_and_how_likely_it_is() -> None:
    context = run_pass(AuxInheritance(), model(CHAIN), tags={"1": named("a"), "3": named("a")})

    (reason,) = (context.tags.reason(node) for node in context.nodes() if node.name == "2")
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


SERVED = dict.fromkeys(("shape", "range", "less", "cast", "expand"), "encoder")


LIST = {"encoder.layer": {"called": False}}


def served(
    nodes: str, tags: dict[str, Tag], root: Root = Root.SERVE, modules: Mapping[str, object] = LIST
) -> dict[str, str]:
    """Return the module that each node serves, by the node's name."""
    context = run_pass(AuxInheritance(root=root), model(nodes), tags=tags, table=table(modules))
    return {node.name: tag.serves for node, tag in context.tagged_nodes() if tag.serves is not None}


def test_a_mask_at_the_root_serves_the_module_that_holds_all_its_readers() -> None:
    assert served(MASK, MASK_TAGS) == SERVED


def test_arithmetic_in_a_mask_serves_nobody_but_passes_on() -> None:
    assert "mul" not in served(MASK, MASK_TAGS)


def test_a_container_that_never_runs_is_not_served() -> None:
    assert served(MASK, MASK_TAGS, modules=LIST | {"encoder": {"called": False}}) == {}


def test_root_keep_leaves_root_operations_alone() -> None:
    assert served(MASK, MASK_TAGS, Root.KEEP) == {}


@pytest.mark.parametrize(
    ("nodes", "tags"),
    [
        pytest.param(
            '["1"] u = Cast(x) ["2"] v = Relu(u) ["3"] y = Relu(u)',
            {"1": named(""), "2": named("a"), "3": named("b")},
            id="its readers share nothing below the root",
        ),
        pytest.param('["1"] y = Cast(x)', {"1": named("")}, id="it writes an output of the model"),
        pytest.param(
            '["1"] y = Cast(x) ["2"] v = Relu(y)',
            {"1": named(""), "2": named("a")},
            id="it writes an output of the model that a module reads as well",
        ),
        pytest.param('["1"] u = Cast(x)', {"1": named("")}, id="nobody reads it"),
        pytest.param(
            '["1"] u = Relu(x) ["2"] v = Relu(u)',
            {"1": named(""), "2": named("a")},
            id="it computes: it is no auxiliary operation",
        ),
        pytest.param(
            '["1"] u = Cast(x) ["2"] v = Relu(u)',
            {"1": named("b"), "2": named("a")},
            id="it ran in a module",
        ),
    ],
)
def test_a_node_that_serves_no_module(nodes: str, tags: dict[str, Tag]) -> None:
    assert served(nodes, tags) == {}


def test_whom_a_node_serves_already_stays() -> None:
    tags = {"1": Tag("", Source.NAME, serves="b"), "2": named("a")}

    assert served('["1"] u = Cast(x) ["2"] v = Relu(u)', tags) == {"1": "b"}


def test_whom_a_node_serves_is_in_the_reason() -> None:
    context = run_pass(AuxInheritance(), model(MASK), tags=MASK_TAGS, table=table(LIST))

    reasons = {node.name: context.tags.reason(node) for node in context.nodes()}
    assert reasons["cast"].endswith("; it works for 'encoder'")


def test_a_module_that_only_twins_suggest_joins_the_table() -> None:
    metadata = {f"{i}.{name}": stack(f"layer.{i}", f"layer.{i}.{name}") for i in range(4) for name in ("in", "out")} | {
        "1.act": stack("layer.1", "layer.1.act")
    }

    run = hpass.run(model(TWO_BLOCKS, metadata=metadata))

    assert "layer.3.act" in run.modules
    assert "tag-not-in-table" not in {finding.rule for finding in run.findings}


def test_a_module_that_only_twins_suggest_is_none_where_the_table_lacks_it() -> None:
    modules = {f"layer.{i}.{name}": "C" for i in range(4) for name in ("in", "out")} | {"layer.1.act": "Act"}
    modules |= {f"layer.{i}": "Layer" for i in range(4)} | {"": "M"}
    metadata = {f"{i}.{name}": stack(f"layer.{i}", f"layer.{i}.{name}") for i in range(4) for name in ("in", "out")} | {
        "1.act": stack("layer.1", "layer.1.act")
    }

    run = hpass.run(model(TWO_BLOCKS, metadata=metadata), modules=table(modules))

    assert {tag.scope for _, tag in run.tags()} <= set(modules)


def test_order_of_nodes_and_tags_is_the_file_s() -> None:
    run = hpass.run(model(MASK))

    assert [node.name for node, _ in run.tags()] == [node.name for node in run.model.proto.graph.node]


def test_where_nothing_has_a_name_the_calls_of_a_table_are_laid_over_the_nodes() -> None:
    source = model('["1"] a = Conv(x, w1) ["2"] b = Relu(a) ["3"] y = Conv(b, w2)', parameters=["w1", "w2"])
    modules = {"": "Net", "stem": "Conv2d", "act": "ReLU", "head": "Conv2d"}

    passes = "module-mapping,aux-inheritance"

    assert scopes_of(hpass.run(source, passes, modules=table(modules)).context) == {
        "1": "stem",
        "2": "act",
        "3": "head",
    }
    assert scopes_of(hpass.run(source, passes, modules=table({"": "Net"})).context) == {}


def test_a_table_that_does_not_fit_a_file_without_names_gives_low_tags() -> None:
    """The second and third call of the cell are at the root: the table says nothing of them."""
    cell = '["{k}"] a{k} = MatMul(x{k}, w) ["{k}t"] x{next} = Tanh(a{k})'
    nodes = " ".join(cell.format(k=k, next=k + 1) for k in range(4)).replace("x0", "x").replace("x4", "y")
    modules = table({"": "Net", "cell": "Cell", "cell.linear": "Linear"})

    run = hpass.run(model(nodes, parameters=["w"]), modules=modules)

    assert {tag.confidence for _, tag in run.tags()} == {Confidence.LOW}
    assert [finding.rule for finding in run.findings if finding.severity == "warning"] == ["mostly-low"]


def test_no_node_is_in_a_dropout_of_the_table() -> None:
    source = model(
        '["1"] a = MatMul(x, "fc.weight") ["2"] b = Transpose(a) ["3"] c = Mul(b, b) ["4"] y = MatMul(c, "out.weight")',
        parameters=["fc.weight", "out.weight"],
    )
    linear = "torch.nn.modules.linear.Linear"
    modules = {"": "my.Net", "fc": linear, "drop": "my.StableDropout", "out": linear}

    assert scopes_of(hpass.run(source, modules=table(modules)).context) == {"1": "fc", "2": "", "3": "", "4": "out"}


def test_what_serves_a_node_of_the_fallback_serves_no_module_in_any_run() -> None:
    """The subgraph has no evidence of its own: its node has no tag before the fallback."""
    branch = '<then_branch = g () => (float[4, 4] b) { ["inner"] b = Neg(s) }>'
    source = model(f'["/Shape"] s = Shape(x) ["/n/If"] y = If(x) {branch}')
    first = hpass.run(source).apply()
    assert [entry.value for entry in first.graph.node[0].metadata_props if entry.key == "hpass.scope"] == [""]
    assert hpass.run(first).apply() == first
