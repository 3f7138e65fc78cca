"""Work in a process of its own: its memory goes with it, and neither a crash nor a time limit stops the others."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpass.errors import HpassError

Record = dict[str, Any]

# How many times the limit a process may take by the clock.
PATIENCE = 6


def measured_apart(work: Callable[[], Record], file: Path, limit: float) -> Record:
    """Return what the work returns, and keep it in a file; `failure` and `stage` say so where it ended otherwise.

    The process is forked, so what this one has loaded is there already. `limit` is in seconds of the processor, so that
    a busy machine fails nothing; a process that waits and does nothing is ended too.
    """
    file.unlink(missing_ok=True)
    process = multiprocessing.get_context("fork").Process(target=_work, args=(work, file, limit))
    process.start()
    process.join(PATIENCE * limit)
    waiting = process.is_alive()
    if waiting:
        process.kill()
        process.join()
    if waiting or process.exitcode == -signal.SIGXCPU:
        write_record({"stage": "limit", "failure": f"over the limit of {limit:.0f} s of the processor"}, file)
    elif not file.exists():
        write_record({"stage": "crash", "failure": f"the process ended with {process.exitcode}"}, file)
    return read_record(file)


def write_record(record: Record, file: Path) -> None:
    """Write a record as JSON, whole or not at all."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


def read_record(file: Path) -> Record:
    """Read a record."""
    return json.loads(file.read_text(encoding="utf-8"))


def in_a_line(error: Exception) -> str:
    """Return what went wrong, for a record; an error of hpass's own says it without its class."""
    kind = "" if isinstance(error, HpassError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:250]


def _work(work: Callable[[], Record], file: Path, limit: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), resource.getrlimit(resource.RLIMIT_CPU)[1]))
    # What exporters print from Python and from C++ is of no use in a run over many.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    write_record(work(), file)
