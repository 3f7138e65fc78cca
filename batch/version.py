"""Tell whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .remote_listing import remote_version

if TYPE_CHECKING:
    from .location import Location


def file_version(location: Location) -> str:
    """Return a text that changes if the file does: its size in bytes and its time or checksum; empty if there is none.

    Raises HpassError if an address cannot be reached.
    """
    if not isinstance(location, Path):
        return remote_version(location)
    try:
        status = location.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
