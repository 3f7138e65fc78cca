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

from .isolated import Record, one_line, read_record, run_isolated
from .measure import measure, prepare
from .page import page, problems_of
from .rows import PLAIN, ROWS, Row

ENGINES = ("dynamo", "torchscript")
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure the rows without a record, each in its own process, and write the page from all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures", description=__doc__)
    parser.add_argument(
        "--records",
        type=Path,
        default=ROOT / "build" / "architectures",
        help="folder of the results, which are kept between runs",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "architectures.md")
    parser.add_argument("--only", default="", help="measure (again) the rows whose name contains this text")
    parser.add_argument("--limit", type=float, default=1800, help="processor time for one row, in seconds")
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
                record = run_isolated(partial(_measure_row, row, engine), file, arguments.limit)
                words = problems_of(record) or [f"{record['nodes']} nodes, export {record['export']:.1f} s"]
                sys.stderr.write(f"{row.name}, {engine}: {'; '.join(words)}\n")
            if file.exists():
                records[engine] = read_record(file)
        results.append((row, records))
    arguments.out.write_text(page(results, _versions()), encoding="utf-8")


def _measure_row(row: Row, engine: str) -> Record:
    with tempfile.TemporaryDirectory() as name:
        options = Options(engine=engine, random_weights=row.config is not None)  # pyright: ignore[reportArgumentType]
        try:
            return measure(_model_spec(row, Path(name)), Path(name), options)
        except Exception as error:  # noqa: BLE001 (every failure is the result of the row)
            return {"failure": one_line(error).replace(name, "")}


def _model_spec(row: Row, folder: Path) -> str:
    """Return the MODEL argument of a row. If the row has a config, it is written to `folder`."""
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
