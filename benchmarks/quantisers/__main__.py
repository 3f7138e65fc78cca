"""`python -m benchmarks.quantisers --environments FOLDER [-o FILE.md]`: quantise models without one module.

The environments take about 5 GB; those that are there already are used again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.environments import Environments
from benchmarks.output import write_page

from .measure import Failure, Result, Sample, measure
from .methods import METHODS
from .page import page
from .placement import PATTERNS, place

_FIXTURES = Path(__file__).parents[2] / "fixtures"
SAMPLES = tuple(
    Sample(_FIXTURES / f"{name}{exporter}.onnx", module)
    for name, module in (("bert_tiny", "encoder.layer.1.attention"), ("simple_cnn", "features.2"))
    for exporter in ("", "_torchscript")
)


def main() -> None:
    """Measure the tools and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantisers", description=__doc__)
    parser.add_argument("--environments", type=Path, required=True, help="the folder for the tools' environments")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    environments = Environments(options.environments)
    results: list[Result | Failure] = []
    for method in METHODS:
        for sample in SAMPLES:
            results.append(measure(method, sample, environments))
            sys.stderr.write(f"{method.title}, {sample.path.stem}\n")
    text = page(results, [place(patterns, environments) for patterns in PATTERNS])
    write_page(text, options.output)


if __name__ == "__main__":
    main()
