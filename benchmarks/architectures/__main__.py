"""Measure every architecture and write docs/results/architectures.md: `python -m benchmarks.architectures`."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import tempfile
from functools import partial
from pathlib import Path

import transformers

from hpass.exporter import Options

from .apart import Record, in_a_line, measured_apart, read_record
from .measure import measure, prepare
from .page import page, problems_of
from .rows import PLAIN, ROWS, Row

ENGINES = ("dynamo", "torchscript")
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure the rows that have no record yet, each in a process of its own, and write the page from all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures", description=__doc__)
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "architectures", help="kept between runs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "architectures.md")
    parser.add_argument("--only", default="", help="measure (again) the rows whose name contains this text")
    parser.add_argument("--limit", type=float, default=1800, help="seconds of the processor for one row")
    arguments = parser.parse_args()
    arguments.records.mkdir(parents=True, exist_ok=True)
    prepare()
    results: list[tuple[Row, dict[str, Record]]] = []
    for row in ROWS:
        records: dict[str, Record] = {}
        wanted = arguments.only.lower() in row.name.lower()
        for engine in ENGINES:
            file = arguments.records / f"{row.slug}.{engine}.json"
            if wanted and (arguments.only or not file.exists()):
                record = measured_apart(partial(_measured, row, engine), file, arguments.limit)
                words = problems_of(record) or [f"{record['nodes']} nodes, export {record['export']:.1f} s"]
                sys.stderr.write(f"{row.name}, {engine}: {'; '.join(words)}\n")
            if file.exists():
                records[engine] = read_record(file)
        results.append((row, records))
    arguments.out.write_text(page(results, _versions()), encoding="utf-8")


def _measured(row: Row, engine: str) -> Record:
    with tempfile.TemporaryDirectory() as name:
        options = Options(engine=engine, random_weights=row.config is not None)  # pyright: ignore[reportArgumentType]
        try:
            return measure(_reference(row, Path(name)), Path(name), options)
        except Exception as error:  # noqa: BLE001 (whatever the row meets is its result)
            return {"failure": in_a_line(error).replace(name, "")}


def _reference(row: Row, folder: Path) -> str:
    """Return the MODEL argument of a row; a config is written first."""
    if row.config is None:
        return f"{PLAIN}:{row.factory}"
    config = getattr(transformers, row.config)(**row.settings)
    config.architectures = [row.head]
    config.save_pretrained(folder / "config")
    return str(folder / "config" / "config.json")


def _versions() -> str:
    packages = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)


if __name__ == "__main__":
    main()
