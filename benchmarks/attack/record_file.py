"""The file of a resumable run: what is attacked, and one line of JSON for each mutant that is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .oracle import Outcome, Verdict
from .worker import Job, Record


def read_records(file: Path, job: Job) -> Iterator[Record]:
    """Yield the records in a file; none if there is no file. Raises ValueError if they are of other mutants."""
    if not file.exists():
        return
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        try:
            data = json.loads(line)
        except ValueError:
            continue  # the run ended while it wrote this line
        if number == 0:
            if data != _header(job):
                raise ValueError(f"{file}: records of {data}, not of {_header(job)}; name another file")
        else:
            yield _record(data)


class RecordFile:
    """Appends records to a file as they come."""

    def __init__(self, file: Path, job: Job) -> None:
        fresh = not file.exists()
        self._stream = file.open("a", encoding="utf-8", buffering=1)
        # What is left of a line that was cut off ends here.
        self._stream.write(json.dumps(_header(job)) + "\n" if fresh else "\n")

    def add(self, record: Record) -> None:
        """Append a record."""
        self._stream.write(json.dumps([record.index, record.kind, *record.outcome, round(record.seconds, 3)]) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _header(job: Job) -> dict[str, Any]:
    return {"seed": job.seed, "corpus": None if job.corpus is None else str(job.corpus)}


def _record(data: list[Any]) -> Record:
    index, kind, verdict, where, seconds = data
    return Record(index, kind, Outcome(Verdict(verdict), where), seconds)
