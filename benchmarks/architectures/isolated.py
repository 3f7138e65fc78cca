"""Run work in its own process, which frees its memory at the end and may crash or exceed its time limit."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpass.errors import HpassError

Record = dict[str, Any]

# A process that waits is ended after this many times its limit of processor time, by the clock.
WALL_CLOCK_FACTOR = 6


def run_isolated(work: Callable[[], Record], file: Path, limit: float) -> Record:
    """Run `work` in a forked process, write its record to a file and return it.

    If the process ends otherwise, the record has `failure` and `stage`. The process is forked, so loaded packages need
    not be loaded again. `limit` is the processor time in seconds, which does not depend on the load of the machine.
    """
    file.unlink(missing_ok=True)
    process = multiprocessing.get_context("fork").Process(target=_run_work, args=(work, file, limit))
    process.start()
    process.join(WALL_CLOCK_FACTOR * limit)
    timed_out = process.is_alive()
    if timed_out:
        process.kill()
        process.join()
    if timed_out or process.exitcode == -signal.SIGXCPU:
        write_record({"stage": "limit", "failure": f"over the limit of {limit:.0f} s of the processor"}, file)
    elif not file.exists():
        write_record({"stage": "crash", "failure": f"the process ended with {process.exitcode}"}, file)
    return read_record(file)


def write_record(record: Record, file: Path) -> None:
    """Write a record as JSON atomically."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


def read_record(file: Path) -> Record:
    """Read the record in a file."""
    return json.loads(file.read_text(encoding="utf-8"))


def one_line(error: Exception) -> str:
    """Return an error in one line of at most 250 characters, with its class unless it is an HpassError."""
    kind = "" if isinstance(error, HpassError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:250]


def _run_work(work: Callable[[], Record], file: Path, limit: float) -> None:
    import resource  # which, like the fork, Windows lacks

    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), resource.getrlimit(resource.RLIMIT_CPU)[1]))
    # Discards all output of exporters, from Python and from C++.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    write_record(work(), file)
