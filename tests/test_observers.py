from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import ClassVar

import onnx
import onnx_graphsurgeon as gs
import pytest
from onnx import parser

from hpass import Context, HpassError, Model, Pass, Pipeline, Source, Tag, UsageError
from hpass.graph.walk import all_nodes
from hpass.observers import Verification, observe
from hpass.tags.tag_format import read_tag

MODEL = """
<ir_version: 8, opset_import: ["": 17]>
agraph (float[1] x, bool flag) => (float[1] z) {
    ["first"] y = Relu(x)
    ["second"] z = If(flag) <
        then_branch = then_graph () => (float[1] a) { a = Abs(y) },
        else_branch = else_graph () => (float[1] b) { b = Neg(y) }
    >
}
"""


@dataclass(frozen=True)
class Mark(Pass):
    """Tag the first node."""

    name: ClassVar[str] = "mark"

    def apply(self, context: Context) -> None:
        context.set_tag(context.graph.nodes[0], Tag("a.b", Source.NAME, serves="a"), "marked")


@dataclass(frozen=True)
class Misbehave(Pass):
    """Do what a test says, which a pass may not."""

    name: ClassVar[str] = "misbehave"
    action: ClassVar[Callable[[gs.Graph, Context], object]]

    def apply(self, context: Context) -> None:
        type(self).action(context.graph, context)


@dataclass(frozen=True)
class Prune(Pass):
    """Remove the If."""

    name: ClassVar[str] = "prune"
    rewrites: ClassVar[bool] = True

    def apply(self, context: Context) -> None:
        context.graph.nodes.pop()
        context.graph.outputs = [context.graph.nodes[0].outputs[0]]


@dataclass(frozen=True)
class Slow(Pass):
    """Take a moment."""

    name: ClassVar[str] = "slow"

    def apply(self, context: Context) -> None:  # noqa: ARG002 - it only waits
        sleep(0.02)


@pytest.fixture
def context() -> Context:
    return Context(Model.open(parser.parse_model(MODEL)))


def pipeline(*passes: Pass) -> Pipeline:
    return Pipeline(passes)


def test_timing_measures_each_pass_without_what_observers_take(context: Context) -> None:
    steps = pipeline(Slow(), Mark())
    timing = observe(steps, progress=lambda _: sleep(0.05))

    steps.run(context, timing)

    slow, mark = timing.seconds
    assert 0.02 <= slow < 0.05
    assert mark < 0.02


def test_print_after_shows_every_node_with_position_name_operator_and_tag(context: Context) -> None:
    steps, stream = pipeline(Mark(), Slow()), io.StringIO()

    steps.run(context, observe(steps, print_after=["mark"], stream=stream))

    assert stream.getvalue().splitlines() == [
        "; after mark",
        "#0 Relu 'first' 'a.b' serves 'a' name high",
        "#1 If 'second' untagged",
        "#1/then_branch#0 Abs '' untagged",
        "#1/else_branch#0 Neg '' untagged",
    ]


def test_print_after_goes_to_standard_error(context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    steps = pipeline(Mark())

    steps.run(context, observe(steps, print_after=["mark"]))

    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0]) == ("", "; after mark")


def test_dump_writes_the_tagged_model_after_each_pass_and_leaves_the_run_alone(
    context: Context, tmp_path: Path
) -> None:
    steps = pipeline(Slow(), Mark(), Prune())

    steps.run(context, observe(steps, dump=tmp_path / "dump", verify=True))

    files = sorted((tmp_path / "dump").iterdir())
    assert [path.name for path in files] == ["01-slow.onnx", "02-mark.onnx", "03-prune.onnx"]
    before, marked, pruned = map(onnx.load, files)
    assert [read_tag(node) for node in all_nodes(before)] == [None] * 4
    assert [tag.scope for node in all_nodes(marked) if (tag := read_tag(node))] == ["a.b"]
    assert [node.op_type for node in all_nodes(pruned)] == ["Relu"]
    assert [node.op_type for node in context.model.proto.graph.node] == ["Relu"]
    assert read_tag(context.model.proto.graph.node[0]) is None, "tags come with apply only"
    context.model.apply(context.tagged_nodes(), context.table.modules)
    assert context.model.edits().removed == 3, "the If and what it held"


def test_stop_after_ends_the_run(context: Context) -> None:
    steps = pipeline(Slow(), Mark(), Slow())

    results = steps.run(context, observe(steps, stop_after="mark"))

    assert [result.name for result in results] == ["slow", "mark"]


def test_progress_tells_what_runs_next(context: Context) -> None:
    told: list[str | None] = []
    steps = pipeline(Slow(), Mark())

    steps.run(context, observe(steps, progress=told.append))

    assert told == ["slow", "mark", None]


@pytest.mark.parametrize(
    ("print_after", "stop_after", "said"),
    [
        (["marc"], None, "--print-after: no pass 'marc' in the pipeline 'mark,slow'; did you mean mark?"),
        ([], "slov", "--stop-after: no pass 'slov' in the pipeline 'mark,slow'; did you mean slow?"),
        (
            ["slow"],
            "mark",
            "--print-after slow and --stop-after mark contradict each other: slow never runs; remove one",
        ),
    ],
)
def test_a_pass_that_never_runs_is_refused(print_after: list[str], stop_after: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        observe(pipeline(Mark(), Slow()), print_after=print_after, stop_after=stop_after)

    assert str(caught.value) == said


def test_a_dump_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HpassError, match="cannot be created"):
        observe(pipeline(Mark()), dump=tmp_path / "a" / "b")


def test_verification_lets_well_behaved_passes_run(context: Context) -> None:
    results = pipeline(Mark(), Prune(), Slow()).run(context, Verification())

    assert len(results) == 3


def _rename(graph: gs.Graph, _context: Context) -> None:
    graph.nodes[0].name = "other"


def _reverse(graph: gs.Graph, _context: Context) -> None:
    graph.nodes.reverse()


def _remove(graph: gs.Graph, _context: Context) -> None:
    graph.nodes.pop()


def _rewire(graph: gs.Graph, _context: Context) -> None:
    graph.nodes[0].inputs[0] = gs.Variable("elsewhere")


def _drop_input(graph: gs.Graph, _context: Context) -> None:
    graph.inputs.pop()


def _set_attribute(graph: gs.Graph, _context: Context) -> None:
    graph.nodes[0].attrs["alpha"] = 1.0


def _change_subgraph(graph: gs.Graph, _context: Context) -> None:
    graph.nodes[1].attrs["then_branch"].nodes[0].op = "Neg"


def _malform_scope(graph: gs.Graph, context: Context) -> None:
    context.set_tag(graph.nodes[0], Tag("a..b", Source.NAME), "malformed")


def _serve_itself(graph: gs.Graph, context: Context) -> None:
    context.set_tag(graph.nodes[0], Tag("a", Source.NAME, serves="a"), "malformed")


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (_rename, "pass misbehave does not rewrite, yet it changed node #0"),
        (_reverse, "yet it changed node #0"),
        (_remove, "yet it changed the number of nodes of the main graph"),
        (_rewire, "yet it changed node #0"),
        (_drop_input, "yet it changed the inputs of the main graph"),
        (_set_attribute, "yet it changed an attribute or a value"),
        (_change_subgraph, "yet it changed node #1/then_branch#0"),
        (_malform_scope, "pass misbehave gave node 'first' a wrong tag: 'a..b' is not the name of a module"),
        (_serve_itself, "pass misbehave gave node 'first' a wrong tag: hpass.serves repeats the scope"),
    ],
)
def test_verification_names_the_pass_that_broke_its_word(
    context: Context, action: Callable[[gs.Graph, Context], object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Misbehave, "action", staticmethod(action), raising=False)

    with pytest.raises(AssertionError, match=said):
        pipeline(Mark(), Misbehave()).run(context, Verification())
