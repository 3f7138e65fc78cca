"""What becomes of a model: nothing, or what a simplifier, a quantiser or a converter to float16 makes of it."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from benchmarks.accuracy.optimisers import optimise

TWINS = ("plain", "simplified", "float16", "int8")
_TOOLS = {"simplified": "onnxslim", "int8": "quantize_dynamic"}


def twin(kind: str, model: onnx.ModelProto, inputs: Path) -> onnx.ModelProto | str:
    """Return the twin of a model, or why there is none."""
    if kind == "plain":
        return model
    if kind == "float16":
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return convert_float_to_float16(copy, keep_io_types=True)
            except Exception as error:  # noqa: BLE001 - the converter raises any type; the reason is the result
                return f"{type(error).__name__}: {error}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        return optimise(_TOOLS[kind], path, inputs)
