"""Tag thousands of models in three ways while something is killed: `python -m benchmarks.fleets -o FILE.md`.

Needs Linux, and the extras `cluster`, `remote` and `test`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fsspec

from benchmarks.output import write_page

from .measure import KILLS, Row, Way, measure
from .models import write_models
from .outputs import BucketOutputs, FolderOutputs
from .page import page
from .services import dask_cluster, storage_server

WORKERS = 2


def main() -> None:
    """Measure, and write the page to a file or to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleets", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="the number of models (default: 10,000)")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS), help="ways to tag (default: all)")
    parser.add_argument("--kills", nargs="+", choices=KILLS, default=KILLS, help="what is killed (default: each)")
    parser.add_argument("--folder", type=Path, help="where there is room for 250 KB per model")
    parser.add_argument(
        "--rows", type=Path, help="add each result to this file, and make the page of the last ones in it"
    )
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    rows: list[Row] = []
    if options.rows is not None and options.rows.exists():
        rows += [Row(**json.loads(line)) for line in options.rows.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory(prefix="hpass-fleets-", dir=options.folder) as folder:
        for row in measured(Path(folder), options.files, options.ways, options.kills):
            rows.append(row)
            sys.stderr.write(f"{row}\n")
            if options.rows is not None:
                with options.rows.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(row._asdict())}\n")
    last = {(row.way, row.killed): row for row in rows}
    write_page(page(list(last.values())), options.output)


def measured(folder: Path, files: int, ways: Sequence[str], kills: Sequence[str]) -> Generator[Row]:
    """Measure each way with each kill, in turn. The folder is empty."""
    if ways:
        models = folder / "models"
        models.mkdir()
        write_models(models, files)
    expected = None
    for name in ways:
        with WAYS[name](folder) as way:
            for killed in kills:
                yield measure(way, killed, files, folder / "manifest.jsonl", expected)
                expected = expected or way.outputs.digests()
            way.outputs.clear()


@contextmanager
def _processes(folder: Path) -> Generator[Way]:
    out = folder / "by-processes"
    yield Way("two processes", (str(folder / "models"), "-o", str(out), "--jobs", str(WORKERS)), FolderOutputs(out))


@contextmanager
def _cluster(folder: Path) -> Generator[Way]:
    out = folder / "by-cluster"
    with dask_cluster(WORKERS, folder) as (address, parent):
        arguments = (str(folder / "models"), "-o", str(out), "--cluster", address)
        yield Way("a cluster", arguments, FolderOutputs(out), workers_parent=parent)


@contextmanager
def _storage(folder: Path) -> Generator[Way]:
    with storage_server(folder) as environment:
        os.environ.update(environment)
        storage = fsspec.filesystem("s3")
        storage.mkdir("models")
        storage.put(f"{folder / 'models'}/", "models/", recursive=True)
        arguments = ("s3://models/", "-o", "s3://tagged/", "--jobs", str(WORKERS))
        yield Way("from and to S3", arguments, BucketOutputs(storage, "tagged"))


WAYS = {"processes": _processes, "cluster": _cluster, "storage": _storage}


if __name__ == "__main__":
    main()
