"""Writing a file so that a reader sees the old one or the new one, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:
    # Windows has no such locks and needs none: a file that is open can neither be removed nor renamed there.
    fcntl = None

_SUFFIX = ".hpass-tmp"


@contextlib.contextmanager
def atomic_write(path: Path, *, follow: bool = True) -> Generator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends well, and vanishes when it does not.

    A symlink's target is replaced, not the link, unless told not to `follow` it; permissions and owner of the old
    file stay. What an earlier, killed run left behind for the same file is removed. Anything that is no regular file
    (a device, a pipe) is written directly. Raises OSError.
    """
    target = Path(os.path.realpath(path)) if follow else path
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    _remove_stale(target)
    temporary, file = _new_file(target)
    try:
        with file:
            yield file
            file.flush()
            _keep_attributes(file.fileno(), target)
            os.fsync(file.fileno())
            if fcntl is not None:
                temporary.replace(target)
        if fcntl is None:
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _new_file(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside the target, locked: the lock tells it from one whose writer was killed."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=_SUFFIX)
        file = os.fdopen(descriptor, "wb")
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        # Before it was locked, another run may have taken it for stale and removed it.
        if os.fstat(descriptor).st_nlink:
            return Path(name), file
        file.close()


def _prefix(target: Path) -> str:
    return f".{target.name}."


def _remove_stale(target: Path) -> None:
    """Remove temporary files of the same target that no running process holds."""
    for left in target.parent.glob(f".{_escaped(target.name)}.*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if fcntl is None:
                left.unlink()
                continue
            with left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _keep_attributes(descriptor: int, target: Path) -> None:
    if fcntl is None:
        # Nor owners and modes; a new file is as accessible as its folder.
        return
    try:
        old = target.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where the file system lets a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
