"""Move staged files into place. The moves can be repeated after a kill, and undone after an error."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .file_content import same_content
from .write_errors import translate_write_errors

# The errors of systems on which a folder cannot be opened or synchronised.
_NO_FOLDER_SYNC = (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EISDIR)


Save = Callable[[Path, Path], object]
"""Saves a file that is about to be replaced under another name, on a file system without hard links."""


class Identity(NamedTuple):
    """The size of a file in bytes and its modification time in nanoseconds, which identify a version of the file."""

    size: int
    time_ns: int

    @classmethod
    def of(cls, path: Path) -> Identity | None:
        """Return the identity of the file at a path, of a link itself and not its target; None if there is no file."""
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        return cls(status.st_size, status.st_mtime_ns)


class StagedFile(NamedTuple):
    """A file in a staging folder. Its name there is its index in the list of staged files.

    `name` is its destination relative to a folder, with `/` as separator. `made` is the identity of the staged file,
    and `replaces` that of the file at the destination; None if there is none.
    """

    name: str
    made: Identity
    replaces: Identity | None


def staged_path(staging: Path, number: int) -> Path:
    """Return the path of a staged file in the staging folder."""
    return staging / str(number)


def folders_of(file: StagedFile, folder: Path) -> list[Path]:
    """Return the folders between a staged file's destination and `folder`, innermost first."""
    parents = (folder / file.name).parents
    return list(parents[: parents.index(folder)])


def move_into_place(staging: Path, folder: Path, files: Sequence[StagedFile], save: Save | None = None) -> None:
    """Move all staged files to their destinations in order, and synchronise the folders. Moved files are skipped.

    If `save` is given, the files that they replace are kept in the staging folder for `undo`: as hard links, or by
    `save` if the file system has none. Raises HpassError if a file cannot be moved.
    """
    for number, file in enumerate(files):
        staged, target = staged_path(staging, number), folder / file.name
        if not os.path.lexists(staged):
            continue
        with translate_write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.replaces is None:
                _add_new(staged, target)
                continue
            if save is not None:
                _save_old(target, _old_path(staging, number), save)
            staged.replace(target)
    for parent in {folder, *(parent for file in files for parent in folders_of(file, folder))}:
        with translate_write_errors(parent):
            sync_folder(parent)


def undo(staging: Path, folder: Path, files: Sequence[StagedFile]) -> None:
    """Restore the files that `move_into_place` replaced, and remove those that it added. Raises OSError."""
    for number, file in reversed(list(enumerate(files))):
        old, target = _old_path(staging, number), folder / file.name
        if os.path.lexists(old):
            old.replace(target)
        elif file.replaces is None and not os.path.lexists(staged_path(staging, number)):
            target.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Synchronise a folder, so that renames in it survive a power failure, if the system can. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _add_new(staged: Path, target: Path) -> None:
    """Move a file to a path without a file. A file with equal content that has been created meanwhile is replaced.

    Raises FileExistsError if the other file has another content.
    """
    try:
        os.link(staged, target, follow_symlinks=False)
    except FileExistsError:
        if not same_content(staged, target):
            raise
        staged.replace(target)
    except (OSError, NotImplementedError):
        # The file system does not support hard links.
        if os.path.lexists(target) and not same_content(staged, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        staged.replace(target)
    staged.unlink(missing_ok=True)


def _save_old(target: Path, old: Path, save: Save) -> None:
    with suppress(FileNotFoundError):
        try:
            os.link(target, old, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except (OSError, NotImplementedError):
            # A folder that has appeared is not a file to save; to replace it fails.
            if not target.is_dir():
                save(target, old)


def _old_path(staging: Path, number: int) -> Path:
    return staging / f"{number}.old"
