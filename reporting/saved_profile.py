"""What a profile says of each module, as `hpass profile -o FILE.json` writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from ..errors import UsageError
from .saved_json import as_object, read_saved, saved_modules

_COMMAND = "hpass profile -o FILE.json"


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
    return saved_profile(read_saved(path, _COMMAND), str(path))


def saved_profile(data: Any, title: str) -> SavedProfile:
    """Return what a profile in JSON says. Raises UsageError, which calls it `title`, if it is none."""
    entries = saved_modules(data, title, _COMMAND)
    profile = as_object(data)
    times = {scope: _times(entry, scope, title) for scope, entry in entries.items()}
    providers = {scope: provider for scope, entry in entries.items() if (provider := _provider(entry))}
    unmapped = as_object(profile.get("unmapped")).get("own_us")
    wall, profiled = profile.get("total_us"), profile.get("profiled_us")
    scale = wall / profiled if _is_time(wall) and _is_time(profiled) and profiled else 1.0
    return SavedProfile(times, providers, unmapped if _is_time(unmapped) else 0.0, scale)


def _provider(entry: Any) -> str | None:
    times = {name: us for name, us in as_object(as_object(entry).get("providers")).items() if _is_time(us)}
    return max(times, key=times.__getitem__, default=None)


def _times(entry: Any, scope: str, title: str) -> tuple[float, float]:
    own, total = (as_object(entry).get(key) for key in ("own_us", "all_us"))
    if not (_is_time(own) and _is_time(total)):
        raise UsageError(f"{title}: the module '{scope}' has no own_us and all_us; profile the model again")
    return own, total


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
