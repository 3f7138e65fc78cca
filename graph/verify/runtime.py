"""Compare the outputs of two models in onnxruntime, in a separate process with a time limit.

A session can hang or crash on a malicious file, so this process opens none and does not import onnxruntime.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import onnx

from ..files import model_file
from ..operators import RANDOM_OPERATORS
from ..walk import all_nodes

# The default time limit of a comparison, in seconds. Not tuned.
TIME_LIMIT_S = 60.0
_WORKER = Path(__file__).with_name("runtime_worker.py")


class ComparisonOutcome(StrEnum):
    """The result of a comparison; `Comparison` explains the values."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    RANDOM = "random"
    NOT_RUNNABLE = "not-runnable"
    TIMED_OUT = "timed-out"


class Comparison(NamedTuple):
    """The outcome of running two models on the same inputs.

    `identical`: every output has the same type, shape and bits. `different`: the output named `output` differs, or only
    the changed model fails (`output` is None). `random`: the outputs differ, but those of the original also differ from
    run to run. `not-runnable`: the original does not run, onnxruntime crashed, or no inputs can be generated.
    `timed-out`: onnxruntime did not finish within the time limit. `reason` is one line of text.
    """

    outcome: ComparisonOutcome
    reason: str = ""
    output: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the outcome is not `different`."""
        return self.outcome is not ComparisonOutcome.DIFFERENT

    def __str__(self) -> str:
        position = "" if self.output is None else f" at output '{self.output}'"
        return f"{self.outcome}{position}" + (f": {self.reason}" if self.reason else "")


def compare(
    original: Path | onnx.ModelProto,
    changed: Path | onnx.ModelProto,
    folder: Path | None = None,
    seconds: float = TIME_LIMIT_S,
) -> Comparison:
    """Run both models for at most `seconds` on the same random inputs, which have the original's declared types.

    `folder` contains the external data of messages; that of a file is in the file's folder. Raises HpassError if a
    message is too large for one file, and OSError if a temporary file cannot be written.
    """
    if not hasattr(signal, "setitimer"):
        return Comparison(ComparisonOutcome.NOT_RUNNABLE, "this system has no POSIX signals to limit the time of a run")
    with ExitStack() as stack:
        request = {
            "original": _path_and_folder(original, folder, stack),
            "changed": _path_and_folder(changed, folder, stack),
            "seconds": seconds,
        }
        process = subprocess.run(  # noqa: S603 - a fixed command
            # -P: files in this folder and the current one must not shadow modules that onnxruntime imports.
            [sys.executable, "-P", str(_WORKER)],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            check=False,
        )
    if process.stdout:
        outcome, reason, output = json.loads(process.stdout)
        result = Comparison(ComparisonOutcome(outcome), reason, output)
        return _unless_random(result, original) if result.outcome is ComparisonOutcome.DIFFERENT else result
    # The worker sets its own alarm, so it ends in time even if this process has been killed.
    if process.returncode == -signal.SIGALRM:
        return Comparison(ComparisonOutcome.TIMED_OUT, f"no answer from onnxruntime in {seconds:g} s")
    return Comparison(ComparisonOutcome.NOT_RUNNABLE, f"onnxruntime crashed ({_status_text(process.returncode)})")


def _path_and_folder(model: Path | onnx.ModelProto, folder: Path | None, stack: ExitStack) -> dict[str, str]:
    if isinstance(model, Path):
        return {"path": str(model.absolute()), "folder": str(model.absolute().parent)}
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpass-")))
    path = scratch / "model.onnx"
    path.write_bytes(b"".join(model_file.serialize(model)))
    return {"path": str(path), "folder": str(scratch if folder is None else folder.absolute())}


def _unless_random(result: Comparison, original: Path | onnx.ModelProto) -> Comparison:
    """Return the result; `random` instead if an output differs and the original has random operators."""
    model = model_file.read(original).proto if isinstance(original, Path) else original
    operators = sorted({node.op_type for node in all_nodes(model)} & RANDOM_OPERATORS)
    if result.output is None or not operators:
        return result
    return Comparison(ComparisonOutcome.RANDOM, f"it has random operators ({', '.join(operators)})")


def _status_text(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"
