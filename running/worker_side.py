"""What workers that run models share: messages, the time limit, and opening a session."""

# onnxruntime has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO
from zipfile import BadZipFile

import numpy as np
import onnxruntime

from ..graph.verify.runtime_worker import limit_memory, one_line
from .valid_inputs import InputRules, NoValidInputsError, find_valid_inputs

Send = Callable[[Mapping[str, Any]], None]


def serve(answer: Callable[[Mapping[str, Any], Send], None]) -> None:
    """Read the request from standard input and let `answer` send messages. An error of onnxruntime is a message."""
    with _output() as output:
        _answer(json.load(sys.stdin), answer, output)


def serve_each(answer: Callable[[Mapping[str, Any], Send], None]) -> None:
    """Read requests from standard input, one a line, and let `answer` send messages for each, the last with "done"."""
    with _output() as output:
        for line in sys.stdin:
            _answer(json.loads(line), answer, output)
            # The next request may come late.
            limit_time(0)


def _output() -> TextIO:
    # Kernels may print to standard output, which must contain only messages.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limit_memory()
    onnxruntime.set_default_logger_severity(4)
    return output


def _answer(request: Mapping[str, Any], answer: Callable[[Mapping[str, Any], Send], None], output: TextIO) -> None:
    def send(message: Mapping[str, Any]) -> None:
        output.write(json.dumps(message) + "\n")
        output.flush()

    try:
        answer(request, send)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises many types, and each of them is an answer
        send({"error": f"{request['name']}: {one_line(error)}"})


def limit_time(seconds: float) -> None:
    """End this process if the next step takes longer than `seconds`; the limit starts anew with each call."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def open_session(request: Mapping[str, Any], **files: str) -> Any:
    """Open the model of a request with its settings. `files` are attributes of SessionOptions that name files.

    Raises ValueError for an execution provider that is not there, and what onnxruntime raises.
    """
    settings = request["settings"]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, settings["level"])
    options.intra_op_num_threads = settings["threads"]
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", request["folder"])
    if files:
        options.enable_profiling = "profile_file_prefix" in files
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        # The weights are of no interest, and a model of 2 GiB or more cannot be saved in one file.
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.bin")
        options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
        for name, path in files.items():
            setattr(options, name, path)
    available = onnxruntime.get_available_providers()
    for name, _ in settings["providers"]:
        if name not in available:
            raise ValueError(f"onnxruntime has no {name} here; it has {', '.join(available)}")
    providers = [(name, options_of) for name, options_of in settings["providers"]] or ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(Path(request["path"]).read_bytes(), options, providers=providers)


def request_inputs(request: Mapping[str, Any], session: Any) -> dict[str, Any]:
    """Return the inputs that a request names, or inputs that are made up. Raises ValueError if there are none."""
    names = [value.name for value in session.get_inputs()]
    if request["inputs"] is None:
        try:
            return find_valid_inputs(session, InputRules(request["sizes"], request["limits"], request.get("seed", 0)))
        except NoValidInputsError as error:
            raise ValueError(f"no inputs were found with which it runs ({error}); give them with --inputs") from error
    given = _read_arrays(request["inputs"])
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{request['inputs']} lacks the input '{missing[0]}'; it has {', '.join(given)}")
    return {name: given[name] for name in names}


def _read_arrays(path: str) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError as error:
        raise ValueError(f"--inputs {path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, EOFError, BadZipFile) as error:
        raise ValueError(f"--inputs {path}: is no .npz file with arrays of numbers") from error
