"""`python -m benchmarks.calls --cache FOLDER [-o FILE.md]`: number the calls of modules and compare with the truth.

Models that the folder lacks are exported. A folder of an earlier `benchmarks.accuracy` may lack the true calls.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.output import write_page

ENGINES = ("current", "torchscript")
# Models that were not chosen by hand and call a module with nodes more than once.
WIDE = ("wide_albert", "wide_blip", "wide_bridgetower", "wide_embedding_gemma2_text", "wide_flaubert")


def main() -> None:
    """Export the models, measure them and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the exported models")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    from ..accuracy import zoo_shared
    from ..accuracy.corpus import entries, prepare
    from ..accuracy.zoo_chosen import CHOSEN
    from .measure import Result, measure
    from .page import page

    names = [*zoo_shared.SAMPLES, *CHOSEN, *WIDE]
    for engine in ENGINES:
        prepare(options.cache, names, engine)
    results: list[Result] = []
    for entry in entries(options.cache, names, ENGINES):
        results.append(measure(entry))
        sys.stderr.write(f"{entry.model}, {entry.engine}: {results[-1].right} of {results[-1].nodes}\n")
    write_page(page(results), options.output)


if __name__ == "__main__":
    main()
