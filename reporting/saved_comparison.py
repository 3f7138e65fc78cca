"""How far each module is from that of another model, as `hpass compare --json` writes it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from .saved_json import as_object, read_saved, saved_modules

_COMMAND = "hpass compare --json"
# The colours in report.js are by the names of these ranges.
_BOUNDS_DB = (20, 40, 60, 80, 100)
EQUAL, NOT_FINITE = "equal", "not finite"


def read_comparison(path: Path) -> dict[str, str]:
    """Return the range of the local signal-to-noise ratio of each module that was measured, as text.

    Raises UsageError if the file is no comparison.
    """
    entries = saved_modules(read_saved(path, _COMMAND), str(path), _COMMAND)
    return {scope: found for scope, entry in entries.items() if (found := _agreement(entry)) is not None}


def _agreement(entry: Any) -> str | None:
    module = as_object(entry)
    if module.get("local_equal") is True:
        return EQUAL
    ratio = module.get("local")
    if isinstance(ratio, (int, float)) and not isinstance(ratio, bool) and math.isfinite(ratio):
        return _range(ratio)
    return NOT_FINITE if module.get("nan") or module.get("inf") else None


def _range(ratio: float) -> str:
    reached = sum(bound <= ratio for bound in _BOUNDS_DB)
    if not reached:
        return f"below {_BOUNDS_DB[0]} dB"
    if reached == len(_BOUNDS_DB):
        return f"{_BOUNDS_DB[-1]} dB and more"
    return f"{_BOUNDS_DB[reached - 1]} to {_BOUNDS_DB[reached]} dB"
