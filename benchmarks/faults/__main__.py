"""`python -m benchmarks.faults --cache FOLDER [--models N] [--faults N] [--rows FILE.jsonl] [-o FILE.md]`.

Put faults into exports in a cache of `benchmarks.accuracy`, and see whether `hpass compare` names their modules.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.output import write_page

from .measure import Row, as_json, measure
from .page import page


def main() -> None:
    """Measure the models and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="a cache folder of benchmarks.accuracy")
    parser.add_argument("--models", type=int, default=20, help="at most this many models, evenly spread")
    parser.add_argument("--skip", type=int, default=0, help="the number of the first model in each step of the spread")
    parser.add_argument("--faults", type=int, default=60, help="the number of faults")
    parser.add_argument("--shard", default="0/1", help="I/N: measure every Nth export from the Ith on")
    parser.add_argument("--rows", type=Path, help="write each comparison to this file, as a line of JSON")
    parser.add_argument("--from-rows", type=Path, help="do not measure, read such a file")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    options = parser.parse_args()

    if options.from_rows is not None:
        lines = options.from_rows.read_text(encoding="utf-8").splitlines()
        rows = [Row(**json.loads(line)) for line in lines]
    else:
        rows = []
        first, _, step = options.shard.partition("/")
        shard = int(first), int(step)
        for row in measure(_folders(options.cache, options.models, options.skip), options.faults, shard):
            rows.append(row)
            sys.stderr.write(f"{as_json(row)}\n")
            if options.rows is not None:
                with options.rows.open("a", encoding="utf-8") as file:
                    file.write(f"{as_json(row)}\n")
    text = page(rows)
    write_page(text, options.output)


def _folders(cache: Path, count: int, skip: int) -> list[Path]:
    """Return the exports of models that both exporters export: those of `count` models, evenly spread by name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(cache.glob("*/model.onnx")):
        name, _, _ = path.parent.name.rpartition(".")
        if (path.parent / "inputs.npz").exists() and len(found.setdefault(name, [])) < 2:  # noqa: PLR2004 - both
            found[name].append(path.parent)
    both = [folders for folders in found.values() if len(folders) == 2]  # noqa: PLR2004 - both
    step = max(len(both) / count, 1)
    chosen = [both[(int(index * step) + skip) % len(both)] for index in range(min(count, len(both)))]
    return [folder for folders in chosen for folder in folders]


if __name__ == "__main__":
    main()
