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
from typing import NamedTuple

import onnx

from ..files import model_file
from ..walk import all_nodes

TIME_LIMIT = 60.0
_WORKER = Path(__file__).with_name("runtime_worker.py")
_RANDOM_OPERATORS = frozenset(
    ("Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)


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


def compare(
    original: Path | onnx.ModelProto,
    changed: Path | onnx.ModelProto,
    folder: Path | None = None,
    seconds: float = TIME_LIMIT,
) -> Comparison:
    """Run both models on the same random inputs of the original's declared types and shapes, for at most `seconds`.

    The external data of a message lies in `folder`, that of a file beside it. Raises HpassError if a message is too
    large for one file, OSError if there is no room for a temporary one.
    """
    if not hasattr(signal, "setitimer"):
        return Comparison(ComparisonOutcome.NOT_RUNNABLE, "this system cannot end a run that hangs (no POSIX signals)")
    with ExitStack() as stack:
        request = {
            "original": _source(original, folder, stack),
            "changed": _source(changed, folder, stack),
            "seconds": seconds,
        }
        done = subprocess.run(  # noqa: S603 - a fixed command
            # -P: neither this folder nor the user's may hide modules that onnxruntime imports.
            [sys.executable, "-P", str(_WORKER)],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            check=False,
        )
    if done.stdout:
        outcome, reason, output = json.loads(done.stdout)
        result = Comparison(ComparisonOutcome(outcome), reason, output)
        return _unless_random(result, original) if result.outcome is ComparisonOutcome.DIFFERENT else result
    # The process sets an alarm for itself, so it ends in time even if this one is gone.
    if done.returncode == -signal.SIGALRM:
        return Comparison(ComparisonOutcome.TIMED_OUT, f"no answer from onnxruntime in {seconds:g} s")
    return Comparison(ComparisonOutcome.NOT_RUNNABLE, f"onnxruntime crashed ({_status_text(done.returncode)})")


def _source(model: Path | onnx.ModelProto, folder: Path | None, stack: ExitStack) -> dict[str, str]:
    if isinstance(model, Path):
        return {"path": str(model.absolute()), "folder": str(model.absolute().parent)}
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpass-")))
    path = scratch / "model.onnx"
    path.write_bytes(b"".join(model_file.serialize(model)))
    return {"path": str(path), "folder": str(scratch if folder is None else folder.absolute())}


def _unless_random(result: Comparison, original: Path | onnx.ModelProto) -> Comparison:
    """Return the result, or why it may be due to chance."""
    model = model_file.read(original) if isinstance(original, Path) else original
    operators = sorted({node.op_type for node in all_nodes(model)} & _RANDOM_OPERATORS)
    if result.output is None or not operators:
        return result
    return Comparison(ComparisonOutcome.RANDOM, f"it has random operators ({', '.join(operators)})")


def _status_text(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"
