"""Whether a tagged model computes what it did without tags, by onnxruntime's word."""

from __future__ import annotations

from pathlib import Path

import onnx

from ..graph.runtime import TIME_LIMIT, Outcome, compare
from .findings import Finding, Severity

_SEVERITIES = {
    Outcome.IDENTICAL: Severity.INFO,
    Outcome.RANDOM: Severity.INFO,
    Outcome.NOT_RUNNABLE: Severity.WARNING,
    Outcome.TIMED_OUT: Severity.WARNING,
    Outcome.DIFFERENT: Severity.ERROR,
}


def compare_runs(
    original: Path | onnx.ModelProto,
    changed: Path | onnx.ModelProto,
    folder: Path | None,
    seconds: float = TIME_LIMIT,
) -> Finding:
    """Run both models on the same inputs, as `graph.runtime.compare` does, and say what came of it."""
    result = compare(original, changed, folder=folder, seconds=seconds)
    return Finding(_SEVERITIES[result.outcome], "runtime", f"onnxruntime: {result}")
