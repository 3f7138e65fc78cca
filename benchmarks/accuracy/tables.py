"""List where a module table lowers the accuracy: `python -m benchmarks.accuracy.tables RESULT.json`.

Compares each case with the same case with a table, model by model. Exit status: 0 if no model is tagged less exactly
with its table, 3 if any is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

CASES = {"modules": "names", "stripped, modules": "stripped"}
"""Each case with a module table, and the same case without one."""


class Loss(NamedTuple):
    """A model that is tagged less exactly with its table: the numbers of exact answers without and with it."""

    model: str
    engine: str
    case: str
    without: int
    with_table: int


def losses(result: Mapping[str, Any]) -> list[Loss]:
    """Return the losses in a result in the form of `--json`, the greatest first."""
    exact = {(row["model"], row["engine"], row["case"]): row["total"]["exact"] for row in result["rows"]}
    found = [
        Loss(model, engine, CASES[case], exact[model, engine, CASES[case]], count)
        for (model, engine, case), count in exact.items()
        if case in CASES and count < exact.get((model, engine, CASES[case]), 0)
    ]
    return sorted(found, key=lambda loss: loss.with_table - loss.without)


def main() -> int:
    """Print the losses in a file, one line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.tables", description="List losses by tables.")
    parser.add_argument("result", type=Path, help="JSON file of a run")
    found = losses(json.loads(parser.parse_args().result.read_text(encoding="utf-8")))
    for loss in found:
        sys.stdout.write(
            f"{loss.model} {loss.engine} {loss.case}: {loss.without} exact, {loss.with_table} with the table "
            f"({loss.with_table - loss.without:+})\n"
        )
    sys.stdout.write(f"{len(found)} models are tagged less exactly with their table\n")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
