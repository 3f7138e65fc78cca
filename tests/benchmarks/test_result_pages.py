"""The committed result pages begin as their generators write them: a change of words changes both."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy import report
from benchmarks.architectures import page, sweep_page
from benchmarks.calls import page as calls
from benchmarks.costs import page as costs
from benchmarks.extraction import page as extraction
from benchmarks.faults import page as faults
from benchmarks.fleets import page as fleets
from benchmarks.profiling import page as profiling
from benchmarks.quantisers import page as quantisers
from benchmarks.rewriting import page as rewriting
from benchmarks.speed import __main__ as speed
from benchmarks.speed import weights_inside

DOCS = Path(__file__).parents[2] / "docs"
INTRODUCTIONS = {
    "results/accuracy.md": (report.INTRODUCTION, report.CHOSEN),
    "results/accuracy-held-out.md": (report.INTRODUCTION, report.HELD_OUT),
    "results/accuracy-packages.md": (report.INTRODUCTION, report.PACKAGES),
    "results/accuracy-random.md": (report.INTRODUCTION, report.RANDOM),
    "results/accuracy-optimised.md": (report.INTRODUCTION, report.CHOSEN),
    "results/architectures.md": (page.INTRODUCTION,),
    "results/calls.md": (calls.INTRODUCTION,),
    "results/cost.md": (costs.INTRODUCTION,),
    "results/extraction.md": (extraction.INTRODUCTION,),
    "results/faults.md": (faults.INTRODUCTION,),
    "results/fleets.md": (fleets.INTRODUCTION,),
    "results/profiling.md": (profiling.INTRODUCTION,),
    "results/quantisers.md": (quantisers.INTRODUCTION,),
    "results/rewriting.md": (rewriting.INTRODUCTION,),
    "results/sweep.md": (sweep_page.INTRODUCTION,),
    "results/weights-inside.md": (weights_inside.INTRODUCTION,),
    "speed.md": (speed.INTRODUCTION,),
}


@pytest.mark.parametrize("name", INTRODUCTIONS)
def test_a_page_has_the_introduction_of_its_generator(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")

    assert [part for part in INTRODUCTIONS[name] if part not in text] == []


def test_every_result_page_is_checked() -> None:
    assert {f"results/{path.name}" for path in (DOCS / "results").iterdir()} <= set(INTRODUCTIONS)
