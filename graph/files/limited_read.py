"""Read a whole file, unless it is larger than a limit or is a device."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ...errors import HpassError

_CHUNK_BYTES = 1 << 20


def read_file(path: Path, limit: int) -> bytes | bytearray | None:
    """Return the content of a file; None if it is larger than `limit` bytes.

    Raises HpassError if it is a device, which may have no end, and OSError if it cannot be read.
    """
    _check_not_device(path.stat(), str(path))
    with path.open("rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size, limit)


def read_stream(file: BinaryIO, name: str, limit: int) -> bytes | bytearray | None:
    """Return the rest of an open file; None if it is larger than `limit` bytes. Raises as `read_file` does."""
    try:
        status = os.fstat(file.fileno())
    except io.UnsupportedOperation:
        # The object is not a file of the operating system.
        return _read(file, 0, limit)
    _check_not_device(status, name)
    return _read(file, status.st_size, limit)


def _read(file: BinaryIO, size: int, limit: int) -> bytes | bytearray | None:
    if size > limit:
        return None
    # One byte more than the size, because a file may grow, and pipes and files in /proc have the size 0.
    start = file.read(size + 1)
    if len(start) <= size:
        return start
    data = bytearray(start)
    while chunk := file.read(_CHUNK_BYTES):
        data += chunk
        if len(data) > limit:
            return None
    return data


def _check_not_device(status: os.stat_result, name: str) -> None:
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        raise HpassError(f"{name}: is a device, not a file; name a file")
