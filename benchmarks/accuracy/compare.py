"""Compare two results of the benchmark row by row: `python -m benchmarks.accuracy.compare BEFORE.json NOW.json`.

Exit status: 0 if all rows are equal, 3 if any differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, str, str]
"""The model, the engine and the case of a row."""


@dataclass
class Comparison:
    """The rows of two results: the number of equal rows, the rows that differ, and those that only one result has.

    `changed` maps a row to its numbers of exact answers before and now. They may be equal if the mistakes differ.
    """

    equal: int = 0
    changed: dict[Key, tuple[int, int]] = field(default_factory=dict[Key, tuple[int, int]])
    missing: list[Key] = field(default_factory=list[Key])
    added: list[Key] = field(default_factory=list[Key])

    @property
    def identical(self) -> bool:
        """Whether both results have the same rows with the same content."""
        return not (self.changed or self.missing or self.added)


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Compare two results in the form of `--json`."""
    old, new = ({_key(row): row for row in result["rows"]} for result in (before, now))
    found = Comparison(missing=[key for key in old if key not in new], added=[key for key in new if key not in old])
    for key in old.keys() & new.keys():
        if old[key] == new[key]:
            found.equal += 1
        else:
            found.changed[key] = (old[key]["total"]["exact"], new[key]["total"]["exact"])
    return found


def text(found: Comparison) -> str:
    """Return a comparison as text: one line per differing row, the rows with the greatest loss first."""
    lines = [
        f"{' '.join(key)}: {old} -> {new} exact ({new - old:+})"
        for key, (old, new) in sorted(found.changed.items(), key=lambda item: (item[1][1] - item[1][0], item[0]))
    ]
    lines += [f"{' '.join(key)}: only in the first" for key in found.missing]
    lines += [f"{' '.join(key)}: only in the second" for key in found.added]
    lines.append(f"{found.equal} rows equal, {len(found.changed)} differ")
    return "\n".join(lines) + "\n"


def _key(row: Mapping[str, Any]) -> Key:
    return row["model"], row["engine"], row["case"]


def main() -> int:
    """Compare two files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.compare", description="Compare two results.")
    parser.add_argument("before", type=Path, help="JSON file of an earlier run")
    parser.add_argument("now", type=Path, help="JSON file of a later run")
    arguments = parser.parse_args()
    found = compare(*(json.loads(path.read_text(encoding="utf-8")) for path in (arguments.before, arguments.now)))
    sys.stdout.write(text(found))
    return 0 if found.identical else 3


if __name__ == "__main__":
    sys.exit(main())
