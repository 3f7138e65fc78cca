"""What a profile says of each module, as `hpass profile -o FILE.json` writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, cast

from ..errors import UsageError
from ..graph.files.limited_read import read_file

# The maximum size of a profile. One of 200,000 modules takes a tenth of it.
_MAX_BYTES = 1 << 28


class SavedProfile(NamedTuple):
    """What a profile says of each module, in microseconds.

    times: in the module itself, and with all modules below it.
    providers: the execution provider that took the most of the own time, for modules with own time.
    unmapped_us: the time of nodes without a module.
    scale: what a time is multiplied with to be a part of the wall time without profiling, if that was measured.
    """

    times: Mapping[str, tuple[float, float]]
    providers: Mapping[str, str]
    unmapped_us: float
    scale: float = 1.0

    @property
    def total_us(self) -> float:
        """The time of all nodes."""
        return math.fsum(own for own, _ in self.times.values()) + self.unmapped_us


def read_profile(path: Path) -> SavedProfile:
    """Read a profile in JSON. Raises UsageError if the file is none."""
    try:
        text = read_file(path, _MAX_BYTES)
        data: Any = None if text is None else json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON; name a file that `hpass profile -o FILE.json` has written") from error
    return saved_profile(data, str(path))


def saved_profile(data: Any, title: str) -> SavedProfile:
    """Return what a profile in JSON says. Raises UsageError, which calls it `title`, if it is none."""
    profile = _object(data)
    modules = profile.get("modules")
    if not isinstance(modules, dict):
        raise UsageError(f"{title}: has no modules; name a file that `hpass profile -o FILE.json` has written")
    entries = cast("dict[str, Any]", modules)
    times = {scope: _times(entry, scope, title) for scope, entry in entries.items()}
    providers = {scope: provider for scope, entry in entries.items() if (provider := _provider(entry))}
    unmapped = _object(profile.get("unmapped")).get("own_us")
    wall, profiled = profile.get("total_us"), profile.get("profiled_us")
    scale = wall / profiled if _is_time(wall) and _is_time(profiled) and profiled else 1.0
    return SavedProfile(times, providers, unmapped if _is_time(unmapped) else 0.0, scale)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _provider(entry: Any) -> str | None:
    times = {name: us for name, us in _object(_object(entry).get("providers")).items() if _is_time(us)}
    return max(times, key=times.__getitem__, default=None)


def _times(entry: Any, scope: str, title: str) -> tuple[float, float]:
    own, total = (_object(entry).get(key) for key in ("own_us", "all_us"))
    if not (_is_time(own) and _is_time(total)):
        raise UsageError(f"{title}: the module '{scope}' has no own_us and all_us; profile the model again")
    return own, total


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
