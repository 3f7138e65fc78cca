"""How far each module is from that of another model, as `hpass compare --json` writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ..errors import UsageError
from ..graph.files.limited_read import read_file

_MAX_BYTES = 1 << 28
# The colours in report.js are by the names of these ranges.
_BOUNDS_DB = (20, 40, 60, 80, 100)
EQUAL, NOT_FINITE = "equal", "not finite"


def read_comparison(path: Path) -> dict[str, str]:
    """Return the range of the local signal-to-noise ratio of each module that was measured, as text.

    Raises UsageError if the file is no comparison.
    """
    try:
        text = read_file(path, _MAX_BYTES)
        data: Any = None if text is None else json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON; name a file with the output of `hpass compare --json`") from error
    modules = cast("dict[str, Any]", data).get("modules") if isinstance(data, dict) else None
    if not isinstance(modules, dict):
        raise UsageError(f"{path}: has no modules; name a file with the output of `hpass compare --json`")
    entries = cast("dict[str, Any]", modules)
    return {scope: found for scope, entry in entries.items() if (found := _agreement(entry)) is not None}


def _agreement(entry: Any) -> str | None:
    module: Mapping[str, Any] = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
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
