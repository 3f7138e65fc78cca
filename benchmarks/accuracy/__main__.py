"""Measure how often hpass names the right module: `python -m benchmarks.accuracy --cache FOLDER`."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.output import write_page

from . import cases, compare, corpus, report, zoo_packages, zoo_random

OLD_PYTHON = "HPASS_OLD_PYTHON"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "--cache", type=Path, required=True, help="folder of exported models; missing ones are exported"
    )
    parser.add_argument("--models", type=_list, help="comma-separated names (default: all of the set)")
    parser.add_argument("--engines", type=_list, default=corpus.ENGINES, help=f"of {', '.join(corpus.ENGINES)}")
    parser.add_argument("--cases", type=_list, default=cases.CASES, help=f"of {', '.join(cases.CASES)}")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--held-out", action="store_true", help="measure the held-out models, not the chosen ones")
    which.add_argument("--packages", action="store_true", help="measure models of other packages, not the chosen ones")
    which.add_argument("--random", action="store_true", help="measure random module trees, not the chosen models")
    parser.add_argument(
        "--old-python",
        default=os.environ.get(OLD_PYTHON),
        help=f"interpreter with transformers 4.44.2 for the engine torchscript-old (default: ${OLD_PYTHON})",
    )
    parser.add_argument(
        "--constant",
        action="append",
        default=[],
        metavar="MODULE.NAME=VALUE",
        help="another value for a constant of hpass, such as inference.gaps._MAX_STATES=32; repeatable",
    )
    parser.add_argument("--jobs", type=int, default=1, help="number of models to measure in parallel")
    parser.add_argument("--out", type=Path, help="Markdown file (default: standard output)")
    parser.add_argument("--json", type=Path, help="JSON file with all results, including mistakes")
    parser.add_argument("--compare", type=Path, help="JSON file of an earlier run to compare with")
    arguments = parser.parse_args()
    for option, known in (("engines", corpus.ENGINES), ("cases", cases.CASES)):
        unknown = set(getattr(arguments, option)) - set(known)
        if unknown:
            parser.error(f"--{option}: {', '.join(sorted(unknown))} not in {', '.join(known)}")
    return arguments


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _set_constants(assignments: Sequence[str]) -> None:
    """Give constants other values, to measure what they change. Raises SystemExit if there is no such constant."""
    for assignment in assignments:
        path, _, value = assignment.partition("=")
        module_name, _, name = path.rpartition(".")
        try:
            module = importlib.import_module(f"hpass.{module_name}")
            getattr(module, name)
            setattr(module, name, ast.literal_eval(value))
        except (ImportError, AttributeError, ValueError, SyntaxError) as error:
            sys.exit(f"--constant {assignment}: {error}")


def _measure(wanted: tuple[str, ...], entry: corpus.Entry) -> list[cases.Row]:
    rows = list(cases.run(entry, wanted))
    cells = "  ".join(f"{row.case} {100 * row.result.total.share:.1f}" for row in rows if ":" not in row.case)
    sys.stderr.write(f"{entry.model}.{entry.engine}: {cells}\n")
    return rows


def _prepare(arguments: argparse.Namespace, names: Iterable[str]) -> tuple[str, ...]:
    """Export the missing models and return the available engines."""
    engines = list(arguments.engines)
    if "torchscript-old" in engines and not arguments.old_python:
        engines.remove("torchscript-old")
        sys.stderr.write(f"torchscript-old is skipped: give --old-python or set ${OLD_PYTHON}\n")
    for engine in engines:
        old = engine == "torchscript-old"
        # The version of transformers affects transformers models only.
        others = ("plain_", "timm_", *zoo_packages.names(), *zoo_random.names())
        wanted = [name for name in names if not (old and name.startswith(others))]
        corpus.prepare(arguments.cache, wanted, engine, arguments.old_python if old else sys.executable)
    return tuple(engines)


def main() -> None:
    """Measure and write the reports."""
    arguments = _arguments()
    _set_constants(arguments.constant)
    from . import zoo_wide
    from .zoo_chosen import CHOSEN

    known, which = tuple(CHOSEN), report.CHOSEN
    if arguments.held_out:
        known, which = tuple(zoo_wide.names(held_out=True)), report.HELD_OUT
    if arguments.packages:
        known, which = zoo_packages.names(), report.PACKAGES
    if arguments.random:
        known, which = zoo_random.names(), report.RANDOM
    names = arguments.models or known
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"unknown models: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    engines = _prepare(arguments, names)
    entries = corpus.entries(arguments.cache, names, engines)
    measure = partial(_measure, tuple(arguments.cases))
    if arguments.jobs > 1:
        with ProcessPoolExecutor(arguments.jobs, initializer=_set_constants, initargs=(arguments.constant,)) as pool:
            rows = [row for part in pool.map(measure, entries) for row in part]
    else:
        rows = [row for entry in entries for row in measure(entry)]
    missing = list(corpus.failures(arguments.cache, names, engines))
    text = report.markdown(rows, missing, which)
    data = report.to_json(rows, missing)
    if arguments.json:
        arguments.json.write_text(json.dumps(data), encoding="utf-8")
    write_page(text, arguments.out)
    if arguments.compare:
        before = json.loads(arguments.compare.read_text(encoding="utf-8"))
        sys.stdout.write(compare.text(compare.compare(before, data)))


if __name__ == "__main__":
    main()
