"""Run two models on the same inputs, without optimisations, in a process of its own, because onnxruntime may crash."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from hpass.graph.verify.runtime_worker import find_inputs, first_difference

_TIME_LIMIT_S = 60
IDENTICAL, DIFFERENT, NOT_RUN = "identical", "different", "not run"


def same_results(original: onnx.ModelProto, changed: onnx.ModelProto, folder: Path) -> str:
    """Return `identical` if all outputs have the same bits, and `not run` if onnxruntime does not run the original.

    An original whose outputs differ from run to run does not count as run. `folder` has the external data, and inputs
    in `inputs.npz`; if it has none, they are made up.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    models = [original.SerializeToString(), changed.SerializeToString()]
    process = multiprocessing.Process(target=_compare, args=(models, folder, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(_TIME_LIMIT_S) else NOT_RUN
    except EOFError:
        return NOT_RUN
    finally:
        process.kill()
        process.join()


def _compare(models: Sequence[bytes], folder: Path, answer: Connection) -> None:
    onnxruntime.set_default_logger_severity(4)
    try:
        session = _session(models[0], folder)
        inputs, expected = _run_on_file(session, folder / "inputs.npz") or find_inputs(session)
        names = [output.name for output in session.get_outputs()]
        repeatable = first_difference(names, expected, _session(models[0], folder).run(None, inputs)) is None
    except Exception:  # noqa: BLE001 - onnxruntime raises many types
        repeatable = False
    if not repeatable:
        answer.send(NOT_RUN)
        return
    try:
        results = _session(models[1], folder).run(names, inputs)
    except Exception:  # noqa: BLE001 - as above
        answer.send(DIFFERENT)
        return
    answer.send(IDENTICAL if first_difference(names, expected, results) is None else DIFFERENT)


def _run_on_file(session: Any, path: Path) -> tuple[dict[str, Any], Sequence[Any]] | None:
    if not path.exists():
        return None
    with np.load(path) as loaded:
        inputs = {value.name: loaded[value.name] for value in session.get_inputs()}
    return inputs, session.run(None, inputs)


def _session(model: bytes, folder: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
