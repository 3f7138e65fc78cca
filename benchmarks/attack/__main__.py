"""Attack hpass with mutated models: `python -m benchmarks.attack`. The exit status is 3 if there is a fault."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .mutants import make_mutant
from .oracle import FAULTS
from .record_file import RecordFile, read_records
from .report import as_json, markdown
from .runner import examine_all
from .seeds import seeds
from .worker import Job, Record

_FAULTS_FOUND = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack, print the tables, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    job = Job(options.seed, options.corpus)
    if options.only is not None:
        return _attack_with_one(job, options.only, options.save)
    try:
        records = [] if options.resume is None else list(read_records(options.resume, job))
    except ValueError as error:
        parser.error(str(error))
    done = {record.index for record in records}
    indices = (index for index in range(options.mutants) if index not in done)
    file = None if options.resume is None else RecordFile(options.resume, job)
    for record in examine_all(job, indices, jobs=options.jobs, minutes=options.minutes):
        records.append(record)
        if file is not None:
            file.add(record)
    if file is not None:
        file.close()
    sys.stdout.write(markdown(records))
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(records), indent=1) + "\n", encoding="utf-8")
    return _status(records)


def _attack_with_one(job: Job, index: int, save: Path | None) -> int:
    if save is not None:
        save.write_bytes(make_mutant(job.seed, index, seeds(job.corpus)).data)
    records = list(examine_all(job, [index], jobs=1))
    for record in records:
        sys.stdout.write(f"{record.index}: {record.kind}: {record.outcome.verdict} {record.outcome.where}\n")
    return _status(records)


def _status(records: Sequence[Record]) -> int:
    return _FAULTS_FOUND if any(record.outcome.verdict in FAULTS for record in records) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument("--mutants", type=int, default=1000, help="number of mutants (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices (default: 0)")
    parser.add_argument("--corpus", type=Path, help="folder of models; mutants are made from those below 40 KB as well")
    parser.add_argument("--minutes", type=float, help="start no further mutant after this time")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes (default: 1)")
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep records in FILE, and skip what it already has"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables as JSON")
    parser.add_argument("--only", type=int, metavar="INDEX", help="examine only the mutant of this index")
    parser.add_argument("--save", type=Path, metavar="FILE", help="with --only: write the mutant to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
