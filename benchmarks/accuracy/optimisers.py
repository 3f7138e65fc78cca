"""Run optimisers and quantisers, each in its own process, because some crash or hang."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx

_TIME_LIMIT_S = 120

Optimiser = Callable[[Path, Path, Path], None]
"""A function of the file to read, the file to write, and an .npz file with inputs."""


def _onnxslim(source: Path, target: Path, _: Path) -> None:
    import onnxslim

    onnx.save(cast("onnx.ModelProto", onnxslim.slim(str(source))), target)


def _onnxsim(source: Path, target: Path, _: Path) -> None:
    import onnxsim

    model, _ok = onnxsim.simplify(str(source))
    onnx.save(model, target)


def _onnxoptimizer(source: Path, target: Path, _: Path) -> None:
    import onnxoptimizer

    passes = onnxoptimizer.get_fuse_and_elimination_passes()
    onnx.save(onnxoptimizer.optimize(onnx.load(source), passes), target)


def _onnxruntime(level: str) -> Optimiser:
    def run(source: Path, target: Path, _: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    return run


def _quantize_dynamic(source: Path, target: Path, _: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(source, target)


def _quantize_static(source: Path, target: Path, inputs: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Once(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = [dict(np.load(inputs))]

        def get_next(self) -> dict[str, Any]:
            return self.batches.pop() if self.batches else {}  # an empty dictionary ends the calibration

    quantize_static(source, target, Once(), quant_format=QuantFormat.QDQ)


def _version_converter(source: Path, target: Path, _: Path) -> None:
    from onnx import version_converter

    model = onnx.load(source)
    version = next(opset.version for opset in model.opset_import if not opset.domain)
    onnx.save(version_converter.convert_version(model, version + 2), target)


OPTIMISERS: dict[str, Optimiser] = {
    "onnxslim": _onnxslim,
    "onnxsim": _onnxsim,
    "onnxoptimizer": _onnxoptimizer,
    "onnxruntime basic": _onnxruntime("ORT_ENABLE_BASIC"),
    "onnxruntime extended": _onnxruntime("ORT_ENABLE_EXTENDED"),
    "quantize_dynamic": _quantize_dynamic,
    "static QDQ": _quantize_static,
    "version_converter": _version_converter,
}


def optimise(name: str, source: Path, inputs: Path) -> onnx.ModelProto | str:
    """Return the optimised model, or the reason if the optimiser fails."""
    with tempfile.TemporaryDirectory() as folder:
        target, note = Path(folder) / "model.onnx", Path(folder) / "error.txt"
        process = multiprocessing.get_context("fork").Process(
            target=_child, args=(OPTIMISERS[name], source, target, inputs, note)
        )
        process.start()
        process.join(_TIME_LIMIT_S)
        if process.is_alive():
            process.kill()
            process.join()
            return f"more than {_TIME_LIMIT_S} s"
        if note.exists():
            return note.read_text(encoding="utf-8")
        if process.exitcode or not target.exists():
            return f"ended with exit status {process.exitcode}"
        return onnx.load(target)


def _child(run: Optimiser, source: Path, target: Path, inputs: Path, note: Path) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(quiet, stream.fileno())
    os.chdir(target.parent)  # quantisers write files to the current folder
    try:
        run(source, target, inputs)
    except Exception as error:  # noqa: BLE001, optimisers raise any type; the reason is the result
        note.write_text(f"{type(error).__name__}: {' '.join(str(error).split())}"[:200], encoding="utf-8")
