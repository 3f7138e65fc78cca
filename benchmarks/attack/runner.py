"""Examine mutants in several processes. A process that dies or hangs is a fault of its mutant, and is replaced."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from .oracle import PACKAGE, Outcome, Verdict
from .worker import WATCHDOG_S, Job, Record, serve, traced_places

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass
class _Worker:
    """A process, and the mutant that it has in hand."""

    job: Job
    folder: Path
    index: int = -1
    kind: str = "unknown"
    connection: Connection = field(init=False)
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=serve, args=(theirs, self.job, self.folder), daemon=True)
        self.process.start()
        theirs.close()

    def send(self, index: int) -> None:
        self.index, self.kind = index, "unknown"
        self.connection.send(index)

    def receive(self) -> Record | None:
        """Return the record of the mutant, or None if only its class has come. A dead process gives a record."""
        try:
            received = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._record_of_death()
        if isinstance(received, Record):
            return received
        self.kind = received
        return None

    def end(self) -> None:
        self.connection.close()
        self.process.join(WATCHDOG_S)
        self.process.kill()

    def _record_of_death(self) -> Record:
        self.process.join(WATCHDOG_S)
        trace = (self.folder / "trace").read_text(encoding="utf-8", errors="replace")
        hung = trace.startswith("Timeout")
        place = next(traced_places(trace, PACKAGE), f"status {self.process.exitcode}")
        outcome = Outcome(Verdict.SLOW if hung else Verdict.DEATH, place)
        return Record(self.index, self.kind, outcome, WATCHDOG_S if hung else 0.0)


def examine_all(job: Job, indices: Iterable[int], *, jobs: int, minutes: float | None = None) -> Iterator[Record]:
    """Yield the record of each mutant, in the order in which they are done; after `minutes` no further one starts."""
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    pending = iter(indices)
    with tempfile.TemporaryDirectory(prefix="hpass-attack-") as name:
        busy: dict[Connection, _Worker] = {}
        for number, index in zip(range(jobs), pending, strict=False):
            folder = Path(name) / str(number)
            folder.mkdir()
            worker = _Worker(job, folder)
            worker.send(index)
            busy[worker.connection] = worker
        while busy:
            for connection in wait(list(busy)):
                worker = busy[cast(Connection, connection)]
                record = worker.receive()
                if record is None:
                    continue
                yield record
                del busy[worker.connection]
                index = None if deadline is not None and time.monotonic() > deadline else next(pending, None)
                if index is None:
                    worker.end()
                    continue
                if record.outcome.verdict is Verdict.DEATH or not worker.process.is_alive():
                    worker.end()
                    worker = _Worker(job, worker.folder)
                worker.send(index)
                busy[worker.connection] = worker
