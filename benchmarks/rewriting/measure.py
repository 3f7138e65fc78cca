"""Rewrite a model, and look whether it computes the same, whether strip undoes it, and what a second run changes."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx

import hpass
from benchmarks.speed.processes import Runs, take_turns
from benchmarks.speed.synthetic_models import chain
from hpass import HpassError, Model
from hpass.graph.strip import stripped
from hpass.graph.walk import all_nodes, graphs_within
from hpass.tags.tag_format import Confidence

from .same_results import same_results

_OUTLINE = "all,outline"
_OUTLINE_EACH = "all,outline:share=false"
PIPELINES = ("all,rename", "all,annotate", "all,annotate:key=namespace", _OUTLINE_EACH, _OUTLINE)
_ROUNDS = 3
_TIME_LIMIT_S = 600


@dataclass(frozen=True)
class Rewritten:
    """What a pipeline did to a model: its results, whether it can be undone, and whether a second run does nothing."""

    model: str
    pipeline: str
    results: str
    is_undone: bool
    is_stable: bool


@dataclass(frozen=True)
class Named:
    """The modules that the names of `rename` alone give back: nodes, nodes in another module, and those with `high`."""

    model: str
    nodes: int
    wrong: int
    wrong_and_high: int


def rewrite(name: str, path: Path, pipeline: str) -> Rewritten | None:
    """Rewrite a model; None if it is no model that hpass opens."""
    try:
        run = hpass.run(path, pipeline)
    except HpassError:
        return None
    source = onnx.load(path, load_external_data=False)
    after = onnx.ModelProto.FromString(run.apply().SerializeToString())
    again = hpass.run(_model(after, run.model, path), pipeline).apply()
    return Rewritten(
        name,
        pipeline,
        same_results(source, after, path.parent),
        _is_undone(source, after, run, pipeline, path),
        again.SerializeToString() == after.SerializeToString(),
    )


def _is_undone(source: onnx.ModelProto, after: onnx.ModelProto, run: hpass.Run, pipeline: str, path: Path) -> bool:
    """Whether strip gives back the input; after `outline`, whether `inline` gives back the model, or its modules."""
    if pipeline not in {_OUTLINE, _OUTLINE_EACH}:
        return stripped(after).SerializeToString() == stripped(source).SerializeToString()
    before = hpass.run(path, "all,inline")
    copy = onnx.ModelProto.FromString(after.SerializeToString())
    back = hpass.run(_model(copy, run.model, path), "all,inline")
    if pipeline == _OUTLINE:
        return _modules(back) == _modules(before)
    return _in_one_order(back.apply()) == _in_one_order(before.apply())


def _in_one_order(model: onnx.ModelProto) -> bytes:
    """Return the bytes of a model in which the order of nodes and of types says nothing. The model is changed."""
    for graph in reversed(list(graphs_within(model.graph))):
        for field in (graph.node, graph.value_info):
            field.sort(key=lambda message: message.SerializeToString(deterministic=True))
    return model.SerializeToString(deterministic=True)


def _modules(run: hpass.Run) -> Counter[tuple[str, str]]:
    return Counter((node.op, tag.scope) for node, tag in run.tags())


def read_names(name: str, path: Path) -> Named:
    """Rename a model, delete all metadata, and tag it again by the names that are left."""
    run = hpass.run(path, "all,rename")
    expected = [tag.scope for _, tag in run.tags()]
    bare = onnx.ModelProto.FromString(run.apply().SerializeToString())
    del bare.metadata_props[:]
    for node in all_nodes(bare):
        del node.metadata_props[:]
    found = [tag for _, tag in hpass.run(_model(bare, run.model, path)).tags()]
    wrong = [tag for tag, scope in zip(found, expected, strict=True) if tag.scope != scope]
    return Named(name, len(found), len(wrong), sum(tag.confidence is Confidence.HIGH for tag in wrong))


def times(nodes: int) -> dict[str, Runs]:
    """Run the tagging of a chain of nodes alone and with each pass, in turns, as processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chain.onnx")
        chain(nodes, path)
        command = [sys.executable, "-m", "hpass", "run", str(path), "-o", f"{folder}/out.onnx", "--passes"]
        return take_turns({pipeline: [*command, pipeline] for pipeline in ("all", *PIPELINES)}, _ROUNDS, _TIME_LIMIT_S)


def _model(message: onnx.ModelProto, opened: Model, path: Path) -> Model:
    return Model(message, str(path), path.parent, opened.locations)
