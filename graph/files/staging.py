"""Staging folders: hidden folders in which new files are written before they replace the files beside the folder.

A staging folder is locked while its run lives. An unlocked one was left by a killed run. The next run that needs a
staging folder in the same place removes it.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:
    # Windows has no such locks, and an open file there can be neither removed nor renamed.
    fcntl = None

LOCK = "journal.json"
# The time to wait for another run's commit without locks, in seconds: longer than a few renames take. Not tuned.
_COMMIT_WAIT_S = 2.0
_NAME = ".hpass-staging-{}"


def create_staging(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a staging folder in a folder. Return its path and its lock, an empty open file. Raises OSError."""
    for number in count(1):
        path = folder / _NAME.format(number)
        while _is_free(path):
            with suppress(FileExistsError):
                path.mkdir()
                lock = _new_lock(path / LOCK)
                if lock is not None:
                    return path, lock
    raise AssertionError("the numbers do not end")


def remove_staging(path: Path, lock: BinaryIO) -> None:
    """Remove a staging folder that this run has locked. Errors are ignored."""
    if fcntl is None:
        lock.close()
    with suppress(OSError):
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()
        # The lock is removed last, before the empty folder, because another run may then use the name at once.
        (path / LOCK).unlink()
        lock.close()
        path.rmdir()
    lock.close()


def open_without_following(path: Path) -> BinaryIO:
    """Open an existing file for reading and locking. Links are not followed, and pipes do not block.

    Raises OSError.
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def wait_for_lock(file: BinaryIO) -> None:
    """Wait until no other run has locked an open file. On systems without locks, wait for `_COMMIT_WAIT_S` seconds."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
            return
    time.sleep(_COMMIT_WAIT_S)


def is_file_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the file at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except OSError:
        return False


def _new_lock(path: Path) -> BinaryIO | None:
    """Return the lock of a new staging folder; None if another run removed the folder before it was locked."""
    try:
        file = path.open("xb")
    except (FileNotFoundError, FileExistsError):
        return None
    except OSError:
        path.parent.rmdir()
        raise
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:
        # The file system has no locks, so no run removes the folder.
        pass
    if is_file_at(file, path):
        return file
    file.close()
    return None


def _is_free(path: Path) -> bool:
    """Remove an unlocked staging folder at a path. Return whether a new one can be created there."""
    try:
        _remove_abandoned(path)
    except FileNotFoundError:
        # There is no folder, or its run was killed before it locked the folder, or is about to lock it.
        with suppress(OSError):
            path.rmdir()
    except OSError:
        # Another run has locked it, or that cannot be determined.
        return False
    return not os.path.lexists(path)


def _remove_abandoned(path: Path) -> None:
    """Remove an unlocked staging folder. Raises OSError if there is none, or if a run has, or may have, locked it."""
    if path.is_symlink():
        raise PermissionError
    if fcntl is None:
        (path / LOCK).unlink()
        shutil.rmtree(path)
        return
    with open_without_following(path / LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_file_at(lock, path / LOCK):
            # The folder was replaced between the two calls; the new one belongs to another run.
            raise BlockingIOError
        remove_staging(path, lock)
