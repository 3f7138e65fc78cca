"""The benchmark of extraction counts what is identical, and shows what is not."""

from __future__ import annotations

from pathlib import Path

from benchmarks.extraction.measure import Result, measure
from benchmarks.extraction.page import page

FIXTURES = Path(__file__).parents[2] / "fixtures"


def test_a_model_whose_modules_are_all_identical() -> None:
    result = measure("hybrid", FIXTURES / "hybrid.onnx")

    assert (result.refused, result.failed) == ([], [])
    assert result.identical == result.pieces > result.modules
    assert result.chains == {1: True, 2: True}


def test_modules_inside_a_subgraph_are_counted_apart() -> None:
    result = measure("control_flow_names", FIXTURES / "control_flow_names.onnx")

    assert result.identical + result.not_compared == result.pieces
    assert result.not_compared > 0


def test_the_page_has_every_reason() -> None:
    result = Result("m", modules=2, pieces=2, identical=1, refused=[("a", "not convex")], stages={1: 2, 2: 3})
    result.chains = {1: True, 2: False}

    text = page([result])

    assert "| refused | 1 (50.0%) |" in text
    assert "| m | `a` | not convex |" in text
    assert "| m | 2 | 1 | 1 | 0 | 0 | 2 | 3, differs |" in text
