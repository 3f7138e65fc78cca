"""`python -m benchmarks.extraction [--cache FOLDER] [--models N] [-o FILE.md]`: extract every module and compare.

The models are the fixtures, and the exports in a cache of `benchmarks.accuracy`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.output import write_page

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure the models and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--cache", type=Path, help="a cache folder of benchmarks.accuracy")
    parser.add_argument("--models", type=int, help="at most this many exports, evenly spread")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    from .measure import Result, measure
    from .page import page

    results: list[Result] = []
    for name, path in _models(options.cache, options.models):
        results.append(measure(name, path))
        sys.stderr.write(f"{name}: {results[-1].identical} of {results[-1].pieces}\n")
    text = page(results)
    write_page(text, options.output)


def _models(cache: Path | None, limit: int | None) -> Iterator[tuple[str, Path]]:
    yield from ((path.stem, path) for path in sorted((ROOT / "fixtures").glob("*.onnx")))
    if cache is not None:
        found = sorted(cache.glob("*/model.onnx"))
        yield from ((path.parent.name, path) for path in _spread(found, limit or len(found)))


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    step = max(len(paths) / count, 1)
    return [paths[int(index * step)] for index in range(min(count, len(paths)))]


if __name__ == "__main__":
    main()
