"""Measures every architecture and writes docs/architectures.md: `python -m benchmarks.architectures`."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .page import page, problems_of
from .rows import PLAIN, ROWS, Row

ENGINES = ("dynamo", "torchscript")
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure the rows that have no record yet, each in a process of its own, and write the page from all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures", description=__doc__)
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "architectures", help="kept between runs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "architectures.md")
    parser.add_argument("--only", help="measure (again) the rows whose name contains this text")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one row")
    parser.add_argument("--one", nargs=2, metavar=("ROW", "ENGINE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.records.mkdir(parents=True, exist_ok=True)
    if arguments.one:
        slug, engine = arguments.one
        _measure_here(next(row for row in ROWS if row.slug == slug), engine, _file(arguments.records, slug, engine))
        return
    for row in ROWS:
        for engine in ENGINES:
            file = _file(arguments.records, row.slug, engine)
            if arguments.only is not None and arguments.only.lower() in row.name.lower():
                file.unlink(missing_ok=True)
            if not file.exists() and (arguments.only is None or arguments.only.lower() in row.name.lower()):
                _measure_apart(row, engine, arguments.records, arguments.limit)
    arguments.out.write_text(page(_records(arguments.records), _versions()), encoding="utf-8")


def _measure_apart(row: Row, engine: str, records: Path, limit: float) -> None:
    command = [sys.executable, "-m", __spec__.parent, "--records", str(records), "--one", row.slug, engine]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(command, env=environment, cwd=ROOT, timeout=limit, check=False)
        failure = None if done.returncode == 0 else f"the process ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        failure = f"over the limit of {limit:.0f} s"
    file = _file(records, row.slug, engine)
    if failure is not None:
        file.write_text(json.dumps({"failure": failure}), encoding="utf-8")
    record = json.loads(file.read_text(encoding="utf-8"))
    words = problems_of(record) or [f"{record['nodes']} nodes, export {record['export']:.1f} s"]
    sys.stderr.write(f"{row.name}, {engine}: {'; '.join(words)}\n")


def _measure_here(row: Row, engine: str, file: Path) -> None:
    import transformers

    from hpass.errors import HpassError
    from hpass.exporter import Options

    from .measure import measure, warm_up, write_record

    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm_up(folder, with_transformers=row.config is not None)
        options = Options(engine=engine, random_weights=row.config is not None)  # pyright: ignore[reportArgumentType]
        try:
            record = measure(_reference(row, folder), folder, options)
        except HpassError as error:
            record = {"failure": str(error).replace(name, "")}
    write_record(record, file)


def _reference(row: Row, folder: Path) -> str:
    """Return the MODEL argument of a row; a config is written first."""
    if row.factory is not None:
        return f"{PLAIN}:{row.factory}"
    import transformers

    config = getattr(transformers, row.config or "")(**row.settings)
    config.architectures = [row.head]
    config.save_pretrained(folder / "config")
    return str(folder / "config" / "config.json")


def _records(folder: Path) -> list[tuple[Row, dict[str, dict[str, Any]]]]:
    return [
        (
            row,
            {
                engine: json.loads(file.read_text(encoding="utf-8"))
                for engine in ENGINES
                if (file := _file(folder, row.slug, engine)).exists()
            },
        )
        for row in ROWS
    ]


def _file(records: Path, slug: str, engine: str) -> Path:
    return records / f"{slug}.{engine}.json"


def _versions() -> str:
    packages = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)


if __name__ == "__main__":
    main()
