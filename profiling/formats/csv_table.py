"""A table of modules as CSV, in microseconds of the profiled run."""

from __future__ import annotations

import csv
import io

from ..aggregate import UNMAPPED
from ..profile import Profile

_HEADER = ("scope", "class", "own_us", "low_us", "high_us", "all_us", "share", "calls", "output_bytes", "providers")
# A spreadsheet takes text that starts with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def dumps(profile: Profile) -> str:
    """Return one row for each module, and one for what has no module."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADER)
    for scope, module in profile.modules.items():
        writer.writerow(
            (
                _safe(scope),
                _safe(profile.class_names.get(scope, "")),
                module.own_us,
                module.low_us,
                module.high_us,
                module.all_us,
                module.share,
                module.calls,
                module.output_bytes,
                _safe(" ".join(module.providers)),
            )
        )
    rest = profile.unmapped
    writer.writerow((UNMAPPED, "", rest.us, rest.low_us, rest.high_us, rest.us, rest.share, rest.nodes, "", ""))
    return file.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
