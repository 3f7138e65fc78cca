"""`python -m benchmarks.rewriting [--cache FOLDER] [--corpus FOLDER] [-o FILE.md]`: rewrite models and compare.

The models are the fixtures, the exports in a cache of `benchmarks.accuracy`, and the files in a folder of your own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.output import write_page

ROOT = Path(__file__).parents[2]
_NODES = 100_000


def main() -> None:
    """Measure the models and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rewriting", description=__doc__)
    parser.add_argument("--cache", type=Path, help="a cache folder of benchmarks.accuracy")
    parser.add_argument("--corpus", type=Path, help="a folder with ONNX files")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    from .measure import PIPELINES, Rewritten, read_names, rewrite, times
    from .page import page

    fixtures = {path.stem: path for path in sorted((ROOT / "fixtures").glob("*.onnx"))}
    exports = {path.parent.name: path for path in _below(options.cache, "*/model.onnx")}
    others = {str(path.relative_to(options.corpus)): path for path in _below(options.corpus, "**/*.onnx")}
    results: dict[str, list[Rewritten]] = {}
    for kind, models in (("fixtures", fixtures), ("exports", exports), ("files of other projects", others)):
        for name, path in models.items():
            sys.stderr.write(f"{name}\n")
            found = (rewrite(name, path, pipeline) for pipeline in PIPELINES)
            results.setdefault(kind, []).extend(result for result in found if result is not None)
    named = [read_names(name, path) for name, path in {**fixtures, **exports}.items()]
    text = page(results, named, times(_NODES), _NODES)
    write_page(text, options.output)


def _below(folder: Path | None, pattern: str) -> Sequence[Path]:
    return [] if folder is None else sorted(folder.glob(pattern))


if __name__ == "__main__":
    main()
