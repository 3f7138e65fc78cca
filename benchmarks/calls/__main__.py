"""`python -m benchmarks.calls --cache FOLDER [-o FILE.md]`: number the calls of modules and compare with the truth.

Models that the folder lacks are exported. A folder of an earlier `benchmarks.accuracy` may lack the true calls.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.output import write_page

ENGINES = ("current", "torchscript")
OPTIMISERS = ("onnxslim", "onnxruntime basic")
# Models that were not chosen by hand and call a module with nodes more than once.
WIDE = ("wide_albert", "wide_blip", "wide_bridgetower", "wide_embedding_gemma2_text", "wide_flaubert")


def main() -> None:
    """Export the models, measure them and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="a folder for the exported models")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()
    # Optimisers run in another folder.
    cache = options.cache.resolve()

    from ..accuracy import zoo_shared
    from ..accuracy.corpus import entries, prepare
    from ..accuracy.zoo_chosen import CHOSEN
    from .measure import Result, measure, measure_optimised
    from .page import page

    names = [*zoo_shared.SAMPLES, *CHOSEN, *WIDE]
    for engine in ENGINES:
        prepare(cache, names, engine)
    results: list[Result] = []
    optimised: dict[str, list[Result]] = {optimiser: [] for optimiser in OPTIMISERS}
    for entry in entries(cache, names, ENGINES):
        found = measure(entry)
        results.append(found)
        sys.stderr.write(f"{entry.model}, {entry.engine}: {found.right} of {found.nodes}\n")
        for optimiser in OPTIMISERS if found.modules else ():
            after = measure_optimised(entry, optimiser)
            if after is not None:
                optimised[optimiser].append(after)
    write_page(page(results, optimised), options.output)


if __name__ == "__main__":
    main()
