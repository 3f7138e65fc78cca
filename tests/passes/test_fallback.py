"""fallback: nothing is left without a tag, and nothing that has one is touched."""

from __future__ import annotations

import pytest
from text_models import model, run_pass, tags_of

from hpass import Confidence, Source, Tag
from hpass.passes.fallback import Fallback

IF = (
    '["if"] y = If(x) <then_branch = t () => (float[1] u) { ["then"] u = Neg(x) },'
    ' else_branch = e () => (float[1] v) { ["else"] v = If(x) <then_branch = t2 () => (float[1] a)'
    ' { ["deep"] a = Neg(x) }, else_branch = e2 () => (float[1] b) { ["other"] b = Abs(x) }> }>'
)
ROOT = ("", "fallback", "low")
IN_A = ("a", "fallback", "low")
GIVEN = Tag("a", Source.NAME)
NAMED = ("a", "name", "high")


@pytest.mark.parametrize(
    ("nodes", "before", "after"),
    [
        pytest.param('["n"] y = Relu(x)', {}, {"n": ROOT}, id="nothing known: the root"),
        pytest.param(
            '["m"] v = Relu(x) ["n"] y = Relu(v)',
            {"m": GIVEN},
            {"m": NAMED, "n": ROOT},
            id="a neighbour decides nothing",
        ),
        pytest.param(
            IF,
            {"if": GIVEN},
            {"if": NAMED} | dict.fromkeys(("then", "else", "deep", "other"), IN_A),
            id="subgraphs take the module of their holder, however deep",
        ),
        pytest.param(
            IF,
            {"else": GIVEN},
            {"if": ROOT, "then": ROOT, "else": NAMED, "deep": IN_A, "other": IN_A},
            id="the nearest holder decides",
        ),
        pytest.param(
            IF,
            {"if": Tag("", Source.INHERITED, serves="a"), "then": GIVEN},
            {"if": ("", "inherited", "high"), "then": NAMED} | dict.fromkeys(("else", "deep", "other"), ROOT),
            id="what a holder serves is not where it ran",
        ),
    ],
)
def test_what_is_left_goes_to_the_region_around_it(
    nodes: str, before: dict[str, Tag], after: dict[str, tuple[str, str, str]]
) -> None:
    assert tags_of(run_pass(Fallback(), model(nodes), tags=before)) == after


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param(Tag("a", Source.FALLBACK, Confidence.LOW), id="an earlier fallback"),
        pytest.param(Tag("", Source.NAME), id="a name that says the root"),
        pytest.param(Tag("", Source.INHERITED, Confidence.LOW, "a.b"), id="a root node that serves a module"),
    ],
)
def test_a_node_with_a_tag_keeps_it(tag: Tag) -> None:
    context = run_pass(Fallback(), model('["n"] y = Relu(x)'), tags={"n": tag})

    assert [tag for _, tag in context.tagged_nodes()] == [tag]
    assert [context.tags.reason(node) for node in context.nodes()] == ["the test says so"]


def test_function_bodies_fall_back_too() -> None:
    source = model(
        '["call"] y = local.F(x)',
        functions='<domain: "local", opset_import: ["": 18]> F (a) => (b) { ["body"] b = Neg(a) }',
    )

    assert tags_of(run_pass(Fallback(), source)) == {"call": ROOT, "body": ROOT}
