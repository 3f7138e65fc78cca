"""The pass manager with toy passes: no ONNX file, no standard pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from hpass import Context, HpassError, Model, Pass, PassResult, Pipeline, Source, Tag, UsageError, option
from hpass.passes.annotate import Annotate
from hpass.passes.base import Condition


class Colour(StrEnum):
    """What an option may be."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Paint(Pass):
    """Tag every node with one scope.

    The first line is the summary.
    """

    name: ClassVar[str] = "paint"
    scope: str = option("", "the scope that every node gets")
    colour: Colour = option(Colour.RED, "which colour")
    coats: int = option(1, "how many coats")
    gloss: float = option(0.5, "how shiny")
    by_hand: bool = option(False, "slowly")

    def apply(self, context: Context) -> None:
        for node in context.graph.nodes:
            context.set_tag(node, Tag(self.scope, Source.NAME), "painted")


@dataclass(frozen=True)
class Rest(Pass):
    """Do nothing."""

    name: ClassVar[str] = "rest"

    def apply(self, context: Context) -> None:
        for node in context.graph.nodes:
            context.skip(node, "resting")


@dataclass(frozen=True)
class Prune(Pass):
    """Remove the last node."""

    name: ClassVar[str] = "prune"
    rewrites: ClassVar[bool] = True

    def apply(self, context: Context) -> None:
        context.graph.nodes[-1].outputs.clear()
        del context.graph.nodes[-1]


REGISTRY: dict[str, type[Pass]] = {step.name: step for step in (Paint, Rest, Prune)}


@pytest.fixture
def context() -> Context:
    """Return the context of a model of two nodes."""
    nodes = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Abs", ["b"], ["c"])]
    values = [helper.make_tensor_value_info(name, 1, [1]) for name in ("a", "b")]
    return Context(Model.open(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:]))))


def parse(text: str) -> Pipeline:
    return Pipeline.parse(text, REGISTRY)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("rest", (Rest(),)),
        ("rest,paint", (Rest(), Paint())),
        ("rest,rest", (Rest(), Rest())),
        ("paint:scope=a.b", (Paint(scope="a.b"),)),
        ("paint:by-hand=true:coats=3", (Paint(by_hand=True, coats=3),)),
        ("paint:colour=blue,rest", (Paint(colour=Colour.BLUE), Rest())),
        ("paint:scope=a%2Cb%3Ac%25", (Paint(scope="a,b:c%"),)),
        (" rest , paint : coats = 2 ", (Rest(), Paint(coats=2))),
        ("paint:gloss=0.25", (Paint(gloss=0.25),)),
    ],
)
def test_a_text_describes_passes(text: str, passes: tuple[Pass, ...]) -> None:
    assert parse(text).passes == passes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "pipeline '', character 1: a pass name is missing"),
        ("rest,", "pipeline 'rest,', character 6: a pass name is missing"),
        ("rest,:a=1", "pipeline 'rest,:a=1', character 6: a pass name is missing"),
        ("paint:coats", "pipeline 'paint:coats', character 7: an option is written NAME=VALUE"),
        ("rest,paint:=1", "pipeline 'rest,paint:=1', character 12: an option is written NAME=VALUE"),
        ("paint:coats=1:coats=2", "character 15: option 'coats' is given twice"),
        ("panit", "no pass 'panit' (at character 1 of 'panit'); did you mean paint or prune?"),
        ("rest,xyzzy", "no pass 'xyzzy' (at character 6 of 'rest,xyzzy'); known: paint, rest, prune, all"),
        ("paint:size=1", "pass paint has no option 'size'; it has scope, colour, coats, gloss, by-hand"),
        ("rest:size=1", "pass rest has no option 'size'; it has no options"),
        ("paint:coats=many", "option paint.coats: 'many' is not integer"),
        ("paint:by-hand=perhaps", "option paint.by-hand: 'perhaps' is not true|false"),
        ("paint:colour=green", "option paint.colour: 'green' is not red|blue"),
        ("all:x=1", "'all' takes no options"),
    ],
)
def test_a_malformed_text_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_stands_for_the_standard_passes_and_may_be_an_item() -> None:
    names = ["scope-parse", "module-mapping", "aux-inheritance", "fallback", "call-number", "validation"]

    assert [step.name for step in Pipeline.parse("all").passes] == names
    assert [step.name for step in parse("rest,all,rest").passes] == ["rest", *names, "rest"]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_PAINT = st.builds(
    Paint,
    scope=_TEXT,
    colour=st.sampled_from(Colour),
    coats=st.integers(),
    gloss=st.floats(allow_nan=False),
    by_hand=st.booleans(),
)


@given(st.lists(_PAINT | st.just(Rest()), min_size=1))
def test_the_text_of_a_pipeline_describes_it(passes: list[Pass]) -> None:
    pipeline = Pipeline(tuple(passes))

    assert parse(str(pipeline)) == pipeline


def test_the_text_leaves_out_what_is_default() -> None:
    assert str(Pipeline((Paint(coats=2), Rest(), Paint()))) == "paint:coats=2,rest,paint"


def test_an_option_is_set_in_any_text() -> None:
    pipeline = parse("paint:coats=2,rest,paint").with_option("paint.scope=a=b")

    assert pipeline.passes == (Paint(coats=2, scope="a=b"), Rest(), Paint(scope="a=b"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("paint", "write PASS.OPTION=VALUE"),
        ("paint=1", "write PASS.OPTION=VALUE"),
        ("pant.coats=1", "no pass 'pant' in the pipeline 'paint'; did you mean paint?"),
        ("paint.coat=1", "pass paint has no option 'coat'"),
    ],
)
def test_an_option_that_is_not_there_is_refused(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("|", r"\|")):
        parse("paint").with_option(setting)


def test_passes_run_in_order_and_tell_what_they_did(context: Context) -> None:
    painted, rested, again = parse("paint:scope=a,rest,paint:scope=b").run(context)

    assert (painted.name, painted.nodes, painted.tagged) == ("paint", 2, {Source.NAME: 2})
    assert (rested.changed, [reason for _, reason in rested.skipped]) == (False, ["resting", "resting"])
    assert again.changed
    assert [tag.scope for _, tag in context.tagged_nodes()] == ["b", "b"]


def test_a_tag_that_stays_as_it_is_is_no_change(context: Context) -> None:
    assert [result.changed for result in parse("paint,paint").run(context)] == [True, False]


def test_changed_is_derived_from_the_edits_of_a_rewriting_pass(context: Context) -> None:
    (result,) = parse("prune").run(context)

    assert result.changed
    assert result.edits.removed == 1


def test_the_observer_sees_every_gap_and_may_end_the_run(context: Context) -> None:
    seen: list[tuple[str | None, str | None]] = []

    def observer(previous: Pass | None, _context: Context, following: Pass | None) -> bool:
        seen.append((previous and previous.name, following and following.name))
        return previous is not None and previous.name == "rest"

    results = parse("paint,rest,paint").run(context, observer)

    assert seen == [(None, "paint"), ("paint", "rest"), ("rest", "paint")]
    assert [result.name for result in results] == ["paint", "rest"]


def test_the_observer_sees_the_end(context: Context) -> None:
    seen: list[str | None] = []

    parse("rest").run(context, lambda _previous, _context, following: seen.append(following and following.name))

    assert seen == ["rest", None]


def _conditioned(requires: tuple[Condition, ...], ensures: tuple[Condition, ...]) -> Pass:
    step = dataclass(frozen=True)(
        type("Step", (Rest,), {"requires": requires, "ensures": ensures, "__doc__": "A step."})
    )
    return step()


def test_what_a_pass_requires_and_does_not_find_is_the_caller_s_mistake(context: Context) -> None:
    with pytest.raises(HpassError, match="pass rest cannot run: it is cold"):
        _conditioned((lambda _: "it is cold",), ()).run(context)


def test_what_a_pass_promises_and_does_not_keep_is_a_bug(context: Context) -> None:
    with pytest.raises(AssertionError, match="pass rest broke its promise: it is cold"):
        _conditioned((), (lambda _: "it is cold",)).run(context)


def test_conditions_that_hold_let_the_pass_run(context: Context) -> None:
    assert isinstance(_conditioned((lambda _: None,), (lambda _: None,)).run(context), PassResult)


def test_a_pass_lists_its_options_and_says_what_it_does() -> None:
    assert Paint.summary() == "Tag every node with one scope."
    assert [(item.name, item.type, item.default) for item in Paint.options()] == [
        ("scope", "text", ""),
        ("colour", "red|blue", "red"),
        ("coats", "integer", "1"),
        ("gloss", "number", "0.5"),
        ("by-hand", "true|false", "false"),
    ]


PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar

import hpass


@dataclass(frozen=True)
class Shout(hpass.Pass):
    """Tag everything with the loudest scope."""

    name: ClassVar[str] = "shout"

    def apply(self, context):
        for node in context.graph.nodes:
            context.set_tag(node, hpass.Tag("LOUD", hpass.Source.NAME), "shouted")
'''

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "hpass-shout"
version = "1"

[project.entry-points."hpass.passes"]
shout = "shout:{name}"

[tool.setuptools]
py-modules = ["shout"]
"""


@pytest.fixture
def install_plugin(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that builds a plugin package, installs it into a folder, and returns the folder."""

    def install(name: str) -> Path:
        source, target = tmp_path / "source", tmp_path / "site"
        source.mkdir()
        (source / "shout.py").write_text(PLUGIN)
        (source / "pyproject.toml").write_text(PYPROJECT.format(name=name))
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)
        return target

    return install


def test_an_installed_package_s_pass_is_found(
    install_plugin: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    monkeypatch.syspath_prepend(install_plugin("Shout"))
    monkeypatch.delitem(sys.modules, "shout", raising=False)

    Pipeline.parse("shout").run(context)

    assert {tag.scope for _, tag in context.tagged_nodes()} == {"LOUD"}


@pytest.mark.parametrize("modules", ["a:B", "{a,b}=g", r"a\;b;!c", "50%", "=a;**.b=x y", r"a\=b=c"])
def test_patterns_survive_the_text_of_a_pipeline(modules: str) -> None:
    pipeline = Pipeline((Annotate(modules=modules),))

    assert Pipeline.parse(str(pipeline)) == pipeline
    assert Pipeline.parse("annotate").with_option(f"annotate.modules={modules}") == pipeline
