"""Reading a file whole, unless it is larger than it may be or has no end."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ...errors import HpassError

_CHUNK = 1 << 20


def read_file(path: Path, limit: int) -> bytes | bytearray | None:
    """Return the content of a file, or None if it is larger than `limit` bytes.

    Raises HpassError for a device, which may have no end, and OSError as the system reports it.
    """
    _refuse_device(path.stat(), str(path))
    with path.open("rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size, limit)


def read_stream(file: BinaryIO, name: str, limit: int) -> bytes | bytearray | None:
    """Return what is left of an open file, or None if that is more than `limit` bytes. Raises as `read_file`."""
    try:
        status = os.fstat(file.fileno())
    except io.UnsupportedOperation:
        # An object of Python's own, which is no file of the system.
        return _read(file, 0, limit)
    _refuse_device(status, name)
    return _read(file, status.st_size, limit)


def _read(file: BinaryIO, size: int, limit: int) -> bytes | bytearray | None:
    if size > limit:
        return None
    # One byte more than the size: a file may grow, and the size of a pipe or of a file in /proc says nothing.
    start = file.read(size + 1)
    if len(start) <= size:
        return start
    data = bytearray(start)
    while chunk := file.read(_CHUNK):
        data += chunk
        if len(data) > limit:
            return None
    return data


def _refuse_device(status: os.stat_result, name: str) -> None:
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        raise HpassError(f"{name}: a device, not a file; name a file")
