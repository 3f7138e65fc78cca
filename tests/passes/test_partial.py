"""Pipelines of some passes only, in any order, and passes of others in between: sensible tags, and no exception."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import ClassVar

import pytest
from text_models import model, stack, tags_of

import hpass
from hpass import Context, Pass, Pipeline, Source, Tag, option
from hpass.passes import STANDARD_PASSES

# A node for each way in which a module is known, the last known by nothing.
MODEL = model(
    '["stack"] a = Relu(x) ["/b/Relu"] b = Relu(a) ["reads"] c = MatMul(b, "c.fc.weight")'
    ' ["cast"] y = Cast <to = 1> (c)',
    metadata={"stack": stack("a", classes=("m.M", "m.A"))},
    parameters=["c.fc.weight"],
)
KNOWN = {
    "stack": ("a", "metadata", "high"),
    "/b/Relu": ("b", "name", "medium"),
    "reads": ("c.fc", "parameter", "medium"),
}
LOST = ("", "fallback", "low")


@pytest.mark.parametrize(
    ("passes", "tags"),
    [
        pytest.param("scope-parse", KNOWN, id="what the file says, and no more"),
        pytest.param("scope-parse,fallback", KNOWN | {"cast": LOST}, id="the rest at the root"),
        pytest.param("fallback", dict.fromkeys((*KNOWN, "cast"), LOST), id="everything at the root"),
        pytest.param("validation", {}, id="nothing"),
        pytest.param("module-mapping", {}, id="a table, no tags"),
        pytest.param("aux-inheritance", {}, id="nothing to inherit from"),
    ],
)
def test_a_partial_pipeline_writes_what_it_knows(passes: str, tags: dict[str, tuple[str, str, str]]) -> None:
    run = hpass.run(MODEL, passes)

    assert tags_of(run.context) == tags


def test_inheritance_without_a_table_places_what_is_left() -> None:
    tags = tags_of(hpass.run(MODEL, "scope-parse,aux-inheritance").context)

    assert {node: tag for node, tag in tags.items() if node != "cast"} == KNOWN
    assert tags["cast"][1] == "inherited"


@pytest.mark.parametrize(
    "passes",
    [",".join(step.name for step in order) for length in (2, 3) for order in permutations(STANDARD_PASSES, length)],
)
def test_any_passes_in_any_order_run_and_run_again_without_a_change(passes: str) -> None:
    first = hpass.run(MODEL, passes).apply()

    assert hpass.run(first, passes).apply() == first


def test_validation_alone_finds_what_lacks_a_tag_and_nothing_else() -> None:
    (finding,) = hpass.run(MODEL, "validation").findings

    assert (finding.severity, finding.rule) == (hpass.Severity.ERROR, "coverage")


@pytest.mark.parametrize("passes", ["scope-parse,fallback,validation", "fallback,validation", "scope-parse,fallback"])
def test_a_pipeline_that_ends_in_fallback_is_valid_without_the_passes_between(passes: str) -> None:
    assert hpass.run(MODEL, passes).ok


def test_a_partial_run_s_tags_are_evidence_for_the_whole() -> None:
    half = hpass.run(MODEL, "scope-parse").apply()

    assert tags_of(hpass.run(half).context) == tags_of(hpass.run(MODEL).context)


@dataclass(frozen=True)
class Sort(Pass):
    """Tag every node of one operator, as another package's pass may."""

    name: ClassVar[str] = "sort"
    operator: str = option("Cast", "the operator")
    scope: str = option("sorted.out", "its module")

    def apply(self, context: Context) -> None:
        for node in context.graph.nodes:
            if node.op == self.operator:
                context.set_tag(node, Tag(self.scope, Source.NAME), "sorted out")


@pytest.mark.parametrize("place", range(6))
def test_another_s_pass_fits_in_anywhere(place: int) -> None:
    passes = list(Pipeline.parse("all").passes)
    passes.insert(place, Sort())

    run = hpass.run(MODEL, Pipeline(tuple(passes)))

    assert tags_of(run.context)["cast"] == ("sorted.out", "name", "high")
    assert run.ok
    assert "sorted.out" in run.modules
    assert hpass.run(run.apply(), Pipeline(tuple(passes))).apply() == run.model.proto


CORPUS = os.environ.get("HPASS_CORPUS")
FILES = sorted(Path(CORPUS).rglob("*.onnx")) if CORPUS else []


@pytest.mark.skipif(not FILES, reason="HPASS_CORPUS names no folder of models")
@pytest.mark.parametrize(
    "passes", ["scope-parse", "scope-parse,fallback", "fallback", "aux-inheritance,fallback", "all"]
)
def test_a_real_file_runs_through_any_part_of_the_pipeline(passes: str) -> None:
    broken: dict[str, str] = {}
    for path in FILES:
        try:
            opened = hpass.load(path)
        except hpass.HpassError:
            continue  # no model, or its external data is missing
        run = hpass.run(opened, passes)
        first = run.apply().SerializeToString()
        again = hpass.run(run.model.proto, passes)
        if not run.ok:
            broken[str(path)] = str(run.findings)
        elif again.apply().SerializeToString() != first:
            broken[str(path)] = "a second run changes it"
    assert broken == {}
