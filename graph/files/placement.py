"""Staged files take their places: moves that may be repeated after a kill, and undone after an error."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .file_content import same_content
from .write_errors import refuse_to_write

# What systems say of a folder that cannot be opened or synced at all.
_NO_FOLDER_SYNC = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EISDIR)


class Identity(NamedTuple):
    """What tells a file from the one that it replaces: its size in bytes and when it was last written, in ns."""

    size: int
    time_ns: int

    @classmethod
    def of(cls, path: Path) -> Identity | None:
        """Return the identity of what lies at a path, of a link itself; None if nothing does."""
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        return cls(status.st_size, status.st_mtime_ns)


class StagedFile(NamedTuple):
    """A file that was made in a staging folder, under its position in the list as name.

    `name` is its place below another folder, parts joined by `/`; `replaces` is what lies there now, None for nothing.
    """

    name: str
    made: Identity
    replaces: Identity | None


def staged_path(staging: Path, number: int) -> Path:
    """Return where a staged file lies before it takes its place."""
    return staging / str(number)


def folders_of(file: StagedFile, folder: Path) -> list[Path]:
    """Return the folders between a staged file's place and the folder that its name counts from, innermost first."""
    parents = (folder / file.name).parents
    return list(parents[: parents.index(folder)])


def place(staging: Path, folder: Path, files: Sequence[StagedFile], *, kept: int = 0, journaled: bool = True) -> None:
    """Move to their places, in order, those files that are not there yet, and make that last through a power cut.

    What the first `kept` of them replace stays in the staging folder, for `undo`. Raises HpassError.
    """
    for number, file in enumerate(files):
        staged, target = staged_path(staging, number), folder / file.name
        if not os.path.lexists(staged):
            continue
        with refuse_to_write(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.replaces is None:
                _add(staged, target)
                continue
            if number < kept:
                _keep(target, _old_path(staging, number), may_move=journaled)
            staged.replace(target)
    for parent in {folder, *(parent for file in files for parent in folders_of(file, folder))}:
        with refuse_to_write(parent):
            sync_folder(parent)


def undo(staging: Path, folder: Path, files: Sequence[StagedFile]) -> None:
    """Put back what `place` has replaced, and remove what it has added. Raises OSError."""
    for number in reversed(range(len(files))):
        old, target = _old_path(staging, number), folder / files[number].name
        if os.path.lexists(old):
            old.replace(target)
        elif not os.path.lexists(staged_path(staging, number)):
            target.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last through a power cut, if the system can sync folders. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _add(staged: Path, target: Path) -> None:
    """Move a file to where nothing lies, unless somebody has put the same there meanwhile."""
    try:
        os.link(staged, target, follow_symlinks=False)
    except FileExistsError:
        if not same_content(staged, target):
            raise
        staged.replace(target)
    except (OSError, NotImplementedError):
        # This file system has no hard links.
        if os.path.lexists(target) and not same_content(staged, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        staged.replace(target)
    staged.unlink(missing_ok=True)


def _keep(target: Path, old: Path, *, may_move: bool) -> None:
    """Keep a file that is about to be replaced; without hard links by a copy, or by a move that a journal covers."""
    with suppress(FileNotFoundError):
        try:
            os.link(target, old, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except (OSError, NotImplementedError):
            if may_move:
                target.rename(old)
            else:
                shutil.copy2(target, old, follow_symlinks=False)


def _old_path(staging: Path, number: int) -> Path:
    return staging / f"{number}.old"
