"""Infer shapes with all shape arithmetic computed, in a child process.

onnx and onnxruntime follow sizes through some operators only. If an exporter computes the pads of a Pad by slicing and
transposing, they lose them, although all numbers are known.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from ..errors import HpassError
from ..running.worker_process import worker

_TIME_LIMIT_S = 60.0  # not tuned


def infer_by_folding(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return a model with the types of the main graph's values that can be worked out; None if that fails."""
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        given, found = Path(folder, "model.onnx"), Path(folder, "types.onnx")
        given.write_bytes(model.SerializeToString())
        request = {"name": "the model", "model": str(given), "types": str(found), "seconds": _TIME_LIMIT_S}
        try:
            with worker("costs.folding_worker", request) as messages:
                next(messages, None)
        except HpassError:
            return None
        return onnx.ModelProto.FromString(found.read_bytes()) if found.exists() else None
