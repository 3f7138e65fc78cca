"""Copy and compare files that are too large for memory. Holes of sparse files are not read, and stay holes."""

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

_BLOCK_BYTES = 1 << 22
# From linux/fs.h. Python has a name for it since 3.14.
_FICLONE = 0x40049409


def copy_content(source: Path, target: BinaryIO) -> None:
    """Copy a file into an empty file. The files share their blocks if the file system supports it.

    Raises HpassError if the source cannot be opened or changes during the copy, and OSError if the copy fails.
    """
    with _open_source(source) as reading:
        before = os.fstat(reading.fileno())
        if not _clone(reading, target):
            for start, end in _extents(reading, before.st_size):
                _copy_range(reading, target, start, end)
            target.flush()
            os.truncate(target.fileno(), before.st_size)
        after = os.fstat(reading.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise HpassError(f"{source}: changed while it was copied; run again when no program writes to it")


def _open_source(source: Path) -> FileIO:
    try:
        return source.open("rb", buffering=0)
    except OSError as error:
        raise HpassError(f"{source}: cannot be read ({error.strerror})") from error


def same_content(first: Path, second: Path) -> bool:
    """Whether two paths lead to files with equal content. Reading stops at the first block that differs."""
    try:
        first_status, second_status = first.stat(), second.stat()
        if os.path.samestat(first_status, second_status):
            return True
        if first_status.st_size != second_status.st_size or not stat.S_ISREG(second_status.st_mode):
            return False
        with first.open("rb", buffering=0) as first_file, second.open("rb", buffering=0) as second_file:
            size = first_status.st_size
            # Holes are zeros, so what is a hole in both files is equal.
            extents = {*_extents(first_file, size), *_extents(second_file, size)}
            return all(_same_range(first_file, second_file, start, end) for start, end in sorted(extents))
    except OSError:
        # A file does not exist, or this user may not read it.
        return False


def _clone(source: FileIO, target: BinaryIO) -> bool:
    """Let the target share the source's blocks. Return False if the file system does not support it."""
    if fcntl is None or sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def _extents(file: FileIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each part of a file that is not a hole, in bytes."""
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
                # The file system does not report holes.
                yield end, size
            return
        yield start, end


def _copy_range(source: FileIO, target: BinaryIO, start: int, end: int) -> None:
    position = start
    # Not every system and file system supports it. An error of the disk occurs again below.
    with suppress(OSError, AttributeError):
        while position < end:
            count = os.copy_file_range(source.fileno(), target.fileno(), end - position, position, position)
            if not count:
                return
            position += count
    source.seek(position)
    target.seek(position)
    while position < end and (block := source.read(min(_BLOCK_BYTES, end - position))):
        target.write(block)
        position += len(block)


def _same_range(first: FileIO, second: FileIO, start: int, end: int) -> bool:
    first.seek(start)
    second.seek(start)
    for position in range(start, end, _BLOCK_BYTES):
        count = min(_BLOCK_BYTES, end - position)
        if first.read(count) != second.read(count):
            return False
    return True
