"""What a profile says of each module, as `hpass profile -o FILE.json` writes it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeGuard, cast

from ...errors import UsageError
from ...graph.files.limited_read import read_file
from .report_data import Measure, Values

TIME = Measure("time", "time", "µs")
# The maximum size of a profile. One of 200,000 modules takes a tenth of it.
_MAX_BYTES = 1 << 28


def read_profile(path: Path) -> Values:
    """Return the time of each module in microseconds. Raises UsageError if the file is not a profile in JSON."""
    try:
        text = read_file(path, _MAX_BYTES)
        data: Any = None if text is None else json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON; name a file that `hpass profile -o FILE.json` has written") from error
    modules: Any = cast("dict[str, Any]", data).get("modules") if isinstance(data, dict) else None
    if not isinstance(modules, dict):
        raise UsageError(f"{path}: has no modules; name a file that `hpass profile -o FILE.json` has written")
    return {scope: _times(entry, scope, path) for scope, entry in cast("dict[str, Any]", modules).items()}


def _times(entry: Any, scope: str, path: Path) -> tuple[float, float]:
    own, total = (
        (cast("dict[str, Any]", entry).get(key) if isinstance(entry, dict) else None) for key in ("own_us", "all_us")
    )
    if not (_is_time(own) and _is_time(total)):
        raise UsageError(f"{path}: the module '{scope}' has no own_us and all_us; profile the model again")
    return own, total


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
