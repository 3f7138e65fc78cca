"""A hidden folder in which files are made that will take the places of others beside it.

It is locked while the run that made it lives. One that nobody holds was left by a run that was killed; the next run
that needs one in the same place removes it.
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
    # Windows has no such locks; there a file that is open can be neither removed nor renamed.
    fcntl = None

LOCK = "journal.json"
# More than a few renames take.
_COMMIT_S = 2.0
_NAME = ".hpass-staging-{}"


def create_staging(folder: Path) -> tuple[Path, BinaryIO]:
    """Make a staging folder in another one; return it and its lock, which is an empty open file. Raises OSError."""
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
    """Remove a staging folder that this run holds; what cannot be removed stays."""
    if fcntl is None:
        lock.close()
    with suppress(OSError):
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()
        # The lock goes last, and after it nothing but the empty folder: another run may use the name at once.
        (path / LOCK).unlink()
        lock.close()
        path.rmdir()
    lock.close()


def open_plain(path: Path) -> BinaryIO:
    """Open an existing file to read it and to lock it; not what a link leads to, and without waiting for a pipe.

    Raises OSError.
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def wait_for_lock(file: BinaryIO) -> None:
    """Wait until no other run holds the lock of an open file; without locks, as long as a commit may take."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
            return
    time.sleep(_COMMIT_S)


def is_still(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is what lies at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except OSError:
        return False


def _new_lock(path: Path) -> BinaryIO | None:
    """Return the lock of a new staging folder; None if another run took the folder for abandoned in between."""
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
        # This file system has no locks. Nobody will take the folder for abandoned.
        pass
    if is_still(file, path):
        return file
    file.close()
    return None


def _is_free(path: Path) -> bool:
    """Whether a staging folder can be made at a path; one that nobody holds is removed."""
    try:
        _remove_abandoned(path)
    except FileNotFoundError:
        # There is none, or its maker was killed before it was locked, or it is about to lock it.
        with suppress(OSError):
            path.rmdir()
    except OSError:
        # Another run holds it, or nobody can tell.
        return False
    return not os.path.lexists(path)


def _remove_abandoned(path: Path) -> None:
    """Remove a staging folder. Raises OSError if there is none, if a run holds it, or if there is no way to know."""
    if path.is_symlink():
        raise PermissionError
    if fcntl is None:
        (path / LOCK).unlink()
        shutil.rmtree(path)
        return
    with open_plain(path / LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_still(lock, path / LOCK):
            # It went between the two calls, and what is there now is another run's.
            raise BlockingIOError
        remove_staging(path, lock)
