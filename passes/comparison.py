"""Whether a tagged model computes what it did without tags, by onnxruntime's word."""

from __future__ import annotations

from pathlib import Path

import onnx

from ..graph.verify.runtime import TIME_LIMIT_S, ComparisonOutcome, compare
from .findings import Finding, Severity

_SEVERITIES = {
    ComparisonOutcome.IDENTICAL: Severity.INFO,
    ComparisonOutcome.RANDOM: Severity.INFO,
    ComparisonOutcome.NOT_RUNNABLE: Severity.WARNING,
    ComparisonOutcome.TIMED_OUT: Severity.WARNING,
    ComparisonOutcome.DIFFERENT: Severity.ERROR,
}


def compare_runs(
    original: Path | onnx.ModelProto,
    changed: Path | onnx.ModelProto,
    folder: Path | None,
    seconds: float = TIME_LIMIT_S,
) -> Finding:
    """Run both models on the same inputs, as `graph.runtime.compare` does, and say what came of it."""
    result = compare(original, changed, folder=folder, seconds=seconds)
    return Finding(_SEVERITIES[result.outcome], "runtime", f"onnxruntime: {result}")
