"""Measure profiles: `python -m benchmarks.profiling CACHE [--real FOLDER]`; CACHE is that of `benchmarks.accuracy`.

FOLDER has `MODEL.ENGINE/model.onnx`, exported by `hpass export` from `real_size.py` with each engine.

Four questions: how much of the time is mapped, whether the modules are right by a second way of finding them, whether
two profiles of the same model agree, and whether a module that is made dearer is seen to be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from .agreement import agreement
from .dearer import dearer
from .mapped import Row, Subject, measure
from .page import page

ROOT = Path(__file__).parents[2]
ENGINES = ("current", "torchscript")
QUANTISED = ("optimised-quantize_dynamic.onnx", "optimised-static-QDQ.onnx")


def subjects(cache: Path, real: Path | None, models: Collection[str]) -> Iterator[Subject]:
    """Yield the fixtures, models at their real size, and the exports in the cache with what quantisers made of them."""
    for path in sorted((ROOT / "fixtures").glob("*.onnx")):
        yield Subject("fixtures", path.stem, path)
    for path in [] if real is None else sorted(real.glob("*/model.onnx")):
        yield Subject("real size", path.parent.name, path)
    for engine in ENGINES:
        for folder in sorted(cache.glob(f"*.{engine}")):
            model = folder / "model.onnx"
            if not model.exists() or (models and folder.stem not in models):
                continue
            yield Subject(engine, folder.stem, model)
            for name in QUANTISED:
                if (folder / name).exists():
                    group = name.removeprefix("optimised-").removesuffix(".onnx")
                    yield Subject(group, folder.name, folder / name, model)


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--models", nargs="*", default=(), help="only these models of the cache")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "profiling.md")
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for subject in subjects(arguments.cache, arguments.real, arguments.models):
        row = measure(subject)
        rows.append(row)
        sys.stderr.write(f"{subject.group} {subject.name}: {row.failure or f'{row.mapped:.2%}'}\n")
    text = page(rows, agreement(arguments.cache, arguments.runs), dearer(4 * arguments.runs))
    arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
