"""The process that makes mutants and examines them, under a watchdog that ends it with a trace."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from .mutants import make_mutant
from .oracle import Outcome, examine, is_product
from .seeds import EXTERNAL_DATA, seeds

WATCHDOG_S = 60.0  # by the clock; several times the limit of processor time, as the machine may be busy
MEMORY_LIMIT = 8 << 30  # bytes of address space, so that a mutant does not take the memory of the machine


class Job(NamedTuple):
    """What all mutants of a run share."""

    seed: int
    corpus: Path | None


class Record(NamedTuple):
    """What became of one mutant."""

    index: int
    kind: str
    outcome: Outcome
    seconds: float


def serve(connection: Connection, job: Job, folder: Path) -> None:
    """Receive indices and send for each the class of its mutant and then its record, until None comes."""
    with (folder / "trace").open("w") as trace, contextlib.suppress(EOFError):
        _limit_memory()
        _silence()
        faulthandler.enable(trace)
        (folder / EXTERNAL_DATA.name).write_bytes(EXTERNAL_DATA.read_bytes())
        known = seeds(job.corpus)
        for index in iter(connection.recv, None):
            faulthandler.dump_traceback_later(WATCHDOG_S, exit=True, file=trace)
            mutant = make_mutant(job.seed, index, known)
            connection.send(mutant.kind)
            file = folder / "mutant.onnx"
            file.write_bytes(mutant.data)
            started = time.perf_counter()
            outcome = examine(file)
            faulthandler.cancel_dump_traceback_later()
            connection.send(Record(index, mutant.kind, outcome, time.perf_counter() - started))


def traced_places(trace: str, package: Path) -> Iterator[str]:
    """Yield the places in hpass in a trace of faulthandler, innermost first."""
    for line in trace.splitlines():
        parts = line.strip().split('"')
        if line.strip().startswith("File") and len(parts) == 3:
            file = Path(parts[1])
            if is_product(file, package):
                yield f"{file.relative_to(package).as_posix()}:{parts[2].rsplit(' ', 1)[-1]}"


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _silence() -> None:
    """Discard what libraries in C++ print about broken models."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
