"""A model file that stays open, so that parts of it can be read and copied later.

It is read by position and not mapped into memory: a mapped file that becomes shorter ends the process with SIGBUS.
"""

from __future__ import annotations

import os
import stat
import weakref
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from ...errors import HpassError
from .file_content import copy_range
from .wire import Piece, Range, byte_count

_BLOCK_BYTES = 1 << 22


class SourceFile:
    """An open regular file. It is closed when the object is freed.

    Every method raises HpassError if the file cannot be read or has changed since it was opened.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self._file = file
        status = os.fstat(file.fileno())
        self.size = status.st_size
        self._time_ns = status.st_mtime_ns
        self.close = weakref.finalize(self, file.close)

    @classmethod
    def open(cls, path: Path) -> SourceFile | None:
        """Open a file; None if it is not a regular file with content. Raises OSError if it cannot be opened."""
        # A file in /proc has content but the size 0. Opening a pipe would take it from its other reader.
        if not hasattr(os, "pread") or not _has_content(path.stat()):
            return None
        file = path.open("rb", buffering=0)
        if not _has_content(os.fstat(file.fileno())):
            file.close()
            return None
        return cls(path, file)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`."""
        parts: list[bytes] = []
        while start < end:
            try:
                parts.append(os.pread(self._file.fileno(), end - start, start))
            except OSError as error:
                raise HpassError(f"{self.path}: cannot be read ({error.strerror or error})") from error
            if not parts[-1]:
                raise self._changed()
            start += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def blocks(self, pieces: Iterable[Piece]) -> Iterator[bytes]:
        """Yield the bytes of pieces, whose ranges are of this file, in blocks of at most 4 MiB."""
        for piece in pieces:
            if isinstance(piece, Range):
                for start in range(piece.start, piece.end, _BLOCK_BYTES):
                    yield self.read(start, min(start + _BLOCK_BYTES, piece.end))
            else:
                yield piece
        self.check_unchanged()

    def copy_to(self, pieces: Iterable[Piece], target: BinaryIO) -> None:
        """Write pieces, whose ranges are of this file, into an empty regular file. Holes stay holes.

        Raises OSError if the target cannot be written.
        """
        position = 0
        for piece in pieces:
            if isinstance(piece, Range):
                copy_range(self._file, piece.start, piece.end, target, position)
            else:
                target.seek(position)
                target.write(piece)
            position += byte_count(piece)
        target.flush()
        os.truncate(target.fileno(), position)
        self.check_unchanged()

    def is_at_its_path(self) -> bool:
        """Whether the path leads to this file and is neither a link nor a name that is not UTF-8."""
        try:
            self.path.name.encode()
            status = self.path.lstat()
        except (OSError, UnicodeEncodeError):
            return False
        return os.path.samestat(status, os.fstat(self._file.fileno()))

    def check_unchanged(self) -> None:
        """Raise HpassError if the file has another size or another time of the last change than when it was opened."""
        status = os.fstat(self._file.fileno())
        if (status.st_size, status.st_mtime_ns) != (self.size, self._time_ns):
            raise self._changed()

    def _changed(self) -> HpassError:
        return HpassError(f"{self.path}: changed while it was read; run again when no program writes to it")


def _has_content(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size > 0
