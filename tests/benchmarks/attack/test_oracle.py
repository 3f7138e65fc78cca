"""Each fault is planted as a pass, and found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import onnx.parser
import pytest

from benchmarks.attack import oracle
from benchmarks.attack.oracle import FAULTS, Outcome, Verdict, examine
from benchmarks.attack.report import as_json, markdown
from benchmarks.attack.worker import Record, traced_places
from hpass import Context, HpassError, Pass, Pipeline, Severity, Source, Tag
from hpass.pipeline import ALL
from hpass.tags.tag_store import Decision

MODEL = '<ir_version: 8, opset_import: ["": 17]> g (float[2] x) => (float[2] y) { ["/a/Relu"] y = Relu(x) }'


@dataclass(frozen=True)
class Planted(Pass):
    """A pass that does what a test says."""

    name: ClassVar[str] = "planted"
    fault: Callable[[Context], Any] = field(default=lambda _: None)

    def apply(self, context: Context) -> None:
        self.fault(context)


@pytest.fixture
def examined(tmp_path: Path) -> Callable[[Callable[[Context], Any]], Outcome]:
    """Return what examines a model with a fault planted after all passes."""

    def run(fault: Callable[[Context], Any]) -> Outcome:
        file = tmp_path / "m.onnx"
        file.write_bytes(onnx.parser.parse_model(MODEL).SerializeToString())
        return examine(file, Pipeline((*Pipeline.parse(ALL).passes, Planted(fault))))

    return run


def lose(context: Context) -> None:
    context.model.proto.producer_name = "lost"


def add_metadata(context: Context) -> None:
    context.model.proto.graph.metadata_props.add(key="hpass.not a tag", value="here")


def tag_badly(context: Context) -> None:
    for node in context.nodes():
        context.tags.decide(node, Decision(Tag("a..b", Source.NAME), "the test", "planted"))


def report_error(context: Context) -> None:
    context.findings.add(Severity.ERROR, "a-rule", "planted")


def raise_type_error(_context: Context) -> None:
    raise TypeError("planted")


def refuse(_context: Context) -> None:
    raise HpassError("one line")


def assert_false(_context: Context) -> None:
    raise AssertionError("a bug in hpass")


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (lambda _: None, Verdict.TAGGED),
        (add_metadata, Verdict.LOSS),
        (report_error, Verdict.BAD_TAG),
        (tag_badly, Verdict.BUG),
        (lose, Verdict.BUG),
        (raise_type_error, Verdict.TRACEBACK),
        (refuse, Verdict.REFUSED),
        (assert_false, Verdict.BUG),
    ],
)
def test_a_planted_fault_is_found(
    examined: Callable[..., Outcome], fault: Callable[[Context], Any], verdict: Verdict
) -> None:
    assert examined(fault).verdict is verdict


def test_a_second_run_that_differs_is_found(examined: Callable[..., Outcome]) -> None:
    runs: list[Context] = []

    def confide(context: Context) -> None:
        runs.append(context)
        if len(runs) == 2:
            for node, tag in context.tagged_nodes():
                context.set_tag(node, tag._replace(source=Source.FALLBACK), "the test")

    assert examined(confide) == Outcome(Verdict.UNSTABLE, "hpass.source")


def test_a_second_run_that_refuses_is_found(examined: Callable[..., Outcome]) -> None:
    runs: list[Context] = []

    def deny(context: Context) -> None:
        runs.append(context)
        if len(runs) == 2:
            raise HpassError("not again")

    assert examined(deny).verdict is Verdict.UNSTABLE


def test_a_traceback_is_placed_in_hpass(examined: Callable[..., Outcome]) -> None:
    outcome = examined(lambda context: context.model.function_key("no graph"))
    assert outcome == Outcome(Verdict.TRACEBACK, "AttributeError in graph/model.py:function_key")


def test_slowness_is_found(examined: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "SECONDS", 0.05)

    def compute(_context: Context) -> None:
        end = time.process_time() + 0.06
        while time.process_time() < end:
            pass

    assert examined(compute).verdict is Verdict.SLOW


def test_growth_is_found(examined: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([100.0, 700.0])
    monkeypatch.setattr(oracle, "peak_memory", lambda: next(peaks))
    assert examined(lambda _: None).verdict is Verdict.MEMORY


def test_the_trace_of_a_hang_names_the_places_in_hpass(tmp_path: Path) -> None:
    trace = f"""Timeout (0:01:00)!
Thread 0x1 (most recent call first):
  File "/lib/re.py", line 3 in match
  File "{tmp_path}/passes/fallback.py", line 9 in apply
  File "{tmp_path}/api.py", line 4 in run
  File "{tmp_path}/benchmarks/attack/oracle.py", line 4 in examine
"""
    assert list(traced_places(trace, tmp_path)) == ["passes/fallback.py:apply", "api.py:run"]


def test_the_tables_count_every_mutant_once() -> None:
    outcomes = [Outcome(Verdict.TAGGED), Outcome(Verdict.REFUSED), *[Outcome(fault, "here") for fault in FAULTS]]
    records = [Record(index, "bytes", outcome, 0.1) for index, outcome in enumerate(outcomes)]

    text, data = markdown(records), as_json(records)

    assert f"| all | {len(records)} | 1 | {' | '.join('1' for _ in FAULTS)} |" in text
    assert [fault["indices"] for fault in data["faults"]] != []
    assert data["tried"] == sum(data["kinds"]["bytes"].values()) == len(records)
