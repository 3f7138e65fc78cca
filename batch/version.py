"""Tell whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .remote_listing import remote_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .location import Location


def file_version(location: Location) -> str:
    """Return a text that changes if the file does: its size in bytes and its time or checksum; empty if there is none.

    Raises HpassError if an address cannot be reached.
    """
    return file_versions([location])[0]


def file_versions(locations: Sequence[Location]) -> list[str]:
    """Return the versions of files in order, as `file_version` does. Those of addresses take few requests."""
    remote = remote_versions([location for location in locations if not isinstance(location, Path)])
    return [_local_version(location) if isinstance(location, Path) else remote[location] for location in locations]


def _local_version(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
