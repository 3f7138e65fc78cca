"""`python -m benchmarks.costs --cache FOLDER [-o FILE.md]`: compare the cost of files with what PyTorch counts.

The models are the chosen ones of `benchmarks.accuracy`, whose exports are in the cache.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.accuracy.zoo_chosen import CHOSEN
from benchmarks.output import write_page

from .measure import Result, measure
from .page import page

_ENGINES = ("current", "torchscript")


def main() -> None:
    """Measure the models and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="a cache folder of benchmarks.accuracy")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    results: list[Result] = []
    for name, sample in CHOSEN.items():
        for folder in (options.cache / f"{name}.{engine}" for engine in _ENGINES):
            if (folder / "model.onnx").exists():
                results.append(measure(name, sample, folder))
                sys.stderr.write(f"{name}: {results[-1].by_hpass} {results[-1].by_torch}\n")
    text = page(results)
    write_page(text, options.output)


if __name__ == "__main__":
    main()
