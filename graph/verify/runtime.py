"""Whether two models compute the same: onnxruntime runs both, in a process that can be ended.

A session can hang or crash on a hostile file, so none is ever opened in this process; onnxruntime is not even imported.
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
from typing import Any, NamedTuple, Self

import onnx

from ..files import model_file

TIME_LIMIT = 60.0
_WORKER = Path(__file__).with_name("runtime_worker.py")


class ComparisonOutcome(StrEnum):
    """How two models compare."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    RANDOM = "random"
    NOT_RUNNABLE = "not-runnable"
    TIMED_OUT = "timed-out"


class Comparison(NamedTuple):
    """What came of running two models on the same inputs.

    `identical`: every output has the same type, shape and bits. `different`: `output` has not, or the changed model
    alone fails (`output` is None). `random`: the results differ as those of the original alone do. `not-runnable`:
    the original does not run, onnxruntime crashed, or there is no way to make up its inputs. `reason` is one line.
    """

    outcome: ComparisonOutcome
    reason: str = ""
    output: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the changed model."""
        return self.outcome is not ComparisonOutcome.DIFFERENT

    def __str__(self) -> str:
        where = "" if self.output is None else f" at output '{self.output}'"
        return f"{self.outcome}{where}" + (f": {self.reason}" if self.reason else "")


class Runtime:
    """A process that runs pairs of models, one after the other, each within a time limit in seconds.

    A context manager: the process starts with the first comparison and ends with the block.
    """

    def __init__(self, seconds: float = TIME_LIMIT) -> None:
        self.seconds = seconds
        self._worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    def compare(
        self,
        original: str | Path | onnx.ModelProto,
        changed: str | Path | onnx.ModelProto,
        folder: str | Path | None = None,
    ) -> Comparison:
        """Run both models on the same random inputs of the original's declared types and shapes.

        The external data of a message lies in `folder`, that of a file beside it. Raises HpassError where a message
        is too large for one file, OSError where there is no room for a temporary one.
        """
        if not hasattr(signal, "setitimer"):
            return Comparison(
                ComparisonOutcome.NOT_RUNNABLE, "this system cannot end a run that hangs (no POSIX signals)"
            )
        with ExitStack() as stack:
            request = {
                "original": self._source(original, folder, stack),
                "changed": self._source(changed, folder, stack),
                "seconds": self.seconds,
            }
            return self._ask(request)

    def _source(
        self, model: str | Path | onnx.ModelProto, folder: str | Path | None, stack: ExitStack
    ) -> dict[str, str]:
        if not isinstance(model, onnx.ModelProto):
            path = Path(model).absolute()
            return {"path": str(path), "folder": str(path.parent)}
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpass-")))
        path = scratch / "model.onnx"
        path.write_bytes(b"".join(model_file.serialize(model)))
        return {"path": str(path), "folder": str(scratch if folder is None else Path(folder).absolute())}

    def _ask(self, request: dict[str, Any]) -> Comparison:
        worker = self._worker = self._worker or _started()
        if worker.stdin is None or worker.stdout is None:
            raise AssertionError("the process was started with pipes")
        try:
            worker.stdin.write(json.dumps(request) + "\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if answer:
            outcome, reason, output = json.loads(answer)
            return Comparison(ComparisonOutcome(outcome), reason, output)
        status = worker.wait()
        self._stop()
        # The process sets an alarm for itself, so it ends in time even if this one is gone.
        if status == -signal.SIGALRM:
            return Comparison(ComparisonOutcome.TIMED_OUT, f"no answer from onnxruntime in {self.seconds:g} s")
        return Comparison(ComparisonOutcome.NOT_RUNNABLE, f"onnxruntime crashed ({_status_text(status)})")

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            # Closes the pipes and waits.
            worker.communicate()


def compare(
    original: str | Path | onnx.ModelProto,
    changed: str | Path | onnx.ModelProto,
    folder: str | Path | None = None,
    seconds: float = TIME_LIMIT,
) -> Comparison:
    """Run two models once, as `Runtime.compare` does, in a process of their own."""
    with Runtime(seconds) as runtime:
        return runtime.compare(original, changed, folder)


def _started() -> subprocess.Popen[str]:
    # -P: neither this folder (file.py, model.py) nor the user's may hide modules that onnxruntime imports.
    return subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-P", str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )


def _status_text(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"
