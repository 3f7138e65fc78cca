"""The content of files too large to hold: copied and compared, and what is a hole stays one and is not read."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from ...errors import HpassError

try:
    import fcntl
except ImportError:
    fcntl = None

_BLOCK = 1 << 22
# From linux/fs.h; Python has no name for it before 3.14.
_FICLONE = 0x40049409


def copy_content(source: Path, target: BinaryIO) -> None:
    """Copy a file into an empty one; they share their blocks if the file system can do that.

    Raises HpassError if the source cannot be opened or changes meanwhile, and OSError as the system reports it.
    """
    with _opened(source) as reading:
        before = os.fstat(reading.fileno())
        if not _clone(reading, target):
            for start, end in _extents(reading, before.st_size):
                _copy_range(reading, target, start, end)
            target.flush()
            os.truncate(target.fileno(), before.st_size)
        after = os.fstat(reading.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise HpassError(f"{source}: changed while it was copied; run again when nothing writes it")


def _opened(source: Path) -> FileIO:
    try:
        return source.open("rb", buffering=0)
    except OSError as error:
        raise HpassError(f"{source}: cannot be read ({error.strerror})") from error


def same_content(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same bytes. Stops reading at the first block that differs."""
    try:
        status, other_status = one.stat(), other.stat()
        if os.path.samestat(status, other_status):
            return True
        if status.st_size != other_status.st_size or not stat.S_ISREG(other_status.st_mode):
            return False
        with one.open("rb", buffering=0) as file, other.open("rb", buffering=0) as other_file:
            size = status.st_size
            # What is a hole in both is zeros in both.
            extents = {*_extents(file, size), *_extents(other_file, size)}
            return all(_same_range(file, other_file, start, end) for start, end in sorted(extents))
    except OSError:
        # There is none, or none that this user may read.
        return False


def _clone(source: FileIO, target: BinaryIO) -> bool:
    """Let the target share the source's blocks. False if the file system cannot do that."""
    if fcntl is None or sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def _extents(file: FileIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each part of a file that is no hole."""
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    end = 0
    while end < size:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                # The file system does not tell.
                yield end, size
            return
        yield start, end


def _copy_range(source: FileIO, target: BinaryIO, start: int, end: int) -> None:
    position = start
    # Not every system and file system has it, and what is wrong with the disk shows again below.
    with suppress(OSError, AttributeError):
        while position < end:
            count = os.copy_file_range(source.fileno(), target.fileno(), end - position, position, position)
            if not count:
                return
            position += count
    source.seek(position)
    target.seek(position)
    while position < end and (block := source.read(min(_BLOCK, end - position))):
        target.write(block)
        position += len(block)


def _same_range(one: FileIO, other: FileIO, start: int, end: int) -> bool:
    one.seek(start)
    other.seek(start)
    for position in range(start, end, _BLOCK):
        count = min(_BLOCK, end - position)
        if one.read(count) != other.read(count):
            return False
    return True
