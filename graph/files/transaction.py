"""Several files that take their places together: whenever a run ends or is killed, all are old or all are new.

Each is made in a hidden folder beside its place (`staging`) and synced. The commit renames that folder to a journal
(`journal`), which is one step for all of them; then they are moved to their places (`placement`). A run that is killed
in between leaves the journal, and the next run that reads or writes in that folder completes it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ...errors import HpassError
from .deferred_signals import deferred_signals
from .file_content import copy_content
from .journal import JOURNAL, name_below, recover, recover_beside, write_list
from .placement import Identity, StagedFile, folders_of, place, staged_path, sync_folder, undo
from .staging import create_staging, remove_staging
from .write_errors import refuse_to_write

_JOURNAL_EXISTS = (errno.EEXIST, errno.ENOTEMPTY)
_IN_USE = (errno.EACCES, errno.EPERM, errno.EBUSY)
# Of object stores, whose folders are parts of names.
_NO_FOLDER_RENAME = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EMFILE, errno.EINVAL)

Fill = Callable[[BinaryIO], object]
"""Writes the content of a new file into it. The file has a descriptor, for whatever copies without reading."""


class Transaction:
    """Files that take their places when the block ends without an error; if it ends with one, nothing has happened.

    `target` is the file that the others belong to, a model: what goes into its folder or below is one set, of which no
    kill leaves a part. Files that go elsewhere take their places just before it. Every method raises HpassError, in one
    line, if a file cannot be written, and so does the end of the block.
    """

    def __init__(self, target: Path | None = None) -> None:
        self._home: Path | None = None
        self._sets: dict[Path, _FileSet] = {}
        self._relied_on: dict[Path, Identity | None] = {}
        if target is not None:
            with refuse_to_write(target):
                self._home = Path(os.path.realpath(target)).parent
                recover_beside(target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
        finally:
            with deferred_signals():
                for files in self._sets.values():
                    files.remove()

    def covers(self, path: Path) -> bool:
        """Whether a file would be one of the target's set."""
        return self._home is not None and name_below(path, self._home) is not None

    def rely_on(self, path: Path) -> None:
        """End with an error if a file that lies at a path now is another one when the transaction ends."""
        self._relied_on[path] = Identity.of(path)

    def scratch(self, path: Path) -> Path:
        """Return an empty folder on the file system of a path, for the time of the transaction."""
        with refuse_to_write(path):
            folder = self._set_for(Path(os.path.realpath(path)))[0].staging / "scratch"
            folder.mkdir(exist_ok=True)
            return folder

    def write(self, path: Path, fill: Fill) -> None:
        """Replace a file, or what a link leads to, with one that `fill` writes; permissions and owner stay.

        A device or a pipe has no old content to keep, and is written at once.
        """
        with refuse_to_write(path):
            target = Path(os.path.realpath(path))
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if target.exists() and not target.is_file():
                with target.open("wb") as file:
                    fill(file)
                return
            self._stage(target, lambda staged: _write(staged, target, fill), replace=True)

    def copy(self, source: Path, path: Path, *, replace: bool) -> None:
        """Put a copy of a file at a path, not at what a link there leads to.

        Without `replace` nothing may be there when the transaction ends, unless it has the same content.
        """
        with refuse_to_write(path):
            self._stage(
                path, lambda staged: _write(staged, path, lambda file: copy_content(source, file)), replace=replace
            )

    def link(self, source: Path, path: Path, *, replace: bool) -> None:
        """Put a symbolic link to a file at a path; `replace` as in `copy`."""
        with refuse_to_write(path):
            self._stage(path, lambda staged: staged.symlink_to(source.resolve()), replace=replace)

    def move(self, source: Path, path: Path, *, replace: bool) -> None:
        """Move a file from `scratch` to a path; `replace` as in `copy`."""
        with refuse_to_write(path):
            self._stage(path, lambda staged: _move(source, staged, path), replace=replace)

    def _stage(self, path: Path, make: Callable[[Path], None], *, replace: bool) -> None:
        files, name = self._set_for(path)
        files.add(name, make, replace=replace)

    def _set_for(self, path: Path) -> tuple[_FileSet, str]:
        if self._home is not None and (below := name_below(path, self._home)) is not None:
            folder, name = self._home, below
        else:
            folder, name = Path(os.path.realpath(path.parent)), path.name
            while not folder.exists():
                folder, name = folder.parent, f"{folder.name}/{name}"
        if folder not in self._sets:
            with deferred_signals():
                self._sets[folder] = _FileSet(folder)
        return self._sets[folder], name

    def _commit(self) -> None:
        # The target's set comes last: it is what the others are about.
        sets = sorted(self._sets.values(), key=lambda files: files.folder == self._home)
        with deferred_signals():
            begun: list[_FileSet] = []
            for path, identity in self._relied_on.items():
                if Identity.of(path) != identity:
                    raise HpassError(f"{path}: changed while the model was written; run again")
            try:
                for files in sets:
                    begun.append(files)
                    files.commit(is_last=files.folder == self._home)
            except BaseException:
                for files in reversed(begun):
                    files.undo()
                raise


class _FileSet:
    """The staged files of one folder, and those below it that belong to the same set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging, self._lock = create_staging(folder)
        self._files: list[tuple[str, Identity, bool]] = []
        self._numbers: dict[str, int] = {}
        self._listed: list[StagedFile] = []
        self._new_folders: list[Path] = []
        self._is_kept = False

    def add(self, name: str, make: Callable[[Path], None], *, replace: bool) -> None:
        """Make a file that will lie at a name below the folder, in the stead of one made before."""
        number = self._numbers.setdefault(name, len(self._numbers))
        staged = staged_path(self.staging, number)
        staged.unlink(missing_ok=True)
        make(staged)
        made = Identity.of(staged)
        if made is None:
            raise AssertionError(f"{name} was not made")
        self._files[number : number + 1] = [(name, made, replace)]

    def commit(self, *, is_last: bool) -> None:
        """Move all files to their places; the last set with a journal, if it is more than one. Raises HpassError."""
        with refuse_to_write(self.folder):
            self._list()
            journaled = is_last and len(self._listed) > 1 and self._become_journal()
        kept = len(self._listed) - is_last
        place(self.staging, self.folder, self._listed, kept=kept, journaled=journaled)

    def undo(self) -> None:
        """Put everything back. Raises HpassError if that fails, and then what was there stays in the staging folder."""
        try:
            undo(self.staging, self.folder, self._listed)
        except OSError as error:
            self._is_kept = True
            raise HpassError(
                f"{self.folder}: neither could the new files be put there nor the old ones put back "
                f"({error.strerror or error}); those that are missing lie in {self.staging}"
            ) from error
        for folder in self._new_folders:
            with suppress(OSError):
                folder.rmdir()

    def remove(self) -> None:
        """Remove the staging folder with all that has no other place."""
        if not self._is_kept:
            remove_staging(self.staging, self._lock)

    def _list(self) -> None:
        self._listed = [
            StagedFile(name, made, Identity.of(self.folder / name) if replace else None)
            for name, made, replace in self._files
        ]
        folders = {folder for file in self._listed for folder in folders_of(file, self.folder) if not folder.exists()}
        self._new_folders = sorted(folders, reverse=True)

    def _become_journal(self) -> bool:
        """Rename the staging folder, which is the commit. False if the file system cannot rename folders."""
        journal = self.folder / JOURNAL
        while True:
            write_list(self.staging, self._listed)
            sync_folder(self.staging)
            try:
                self.staging.rename(journal)
            except OSError as error:
                if error.errno in _JOURNAL_EXISTS:
                    # Another run is at its commit, or was killed there.
                    recover(self.folder)
                    self._list()
                elif error.errno in _IN_USE and not self._lock.closed:
                    # On Windows and its file servers, no folder with an open file can be renamed.
                    self._lock.close()
                elif error.errno in _NO_FOLDER_RENAME:
                    return False
                else:
                    raise
            else:
                self.staging = journal
                sync_folder(self.folder)
                return True


def _write(staged: Path, target: Path, fill: Fill) -> None:
    with staged.open("xb") as file:
        _keep_attributes(file.fileno(), target)
        fill(file)
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, staged: Path, target: Path) -> None:
    source.rename(staged)
    with staged.open("rb+") as file:
        _keep_attributes(file.fileno(), target)
        os.fsync(file.fileno())


def _keep_attributes(descriptor: int, target: Path) -> None:
    """Give a new file the owner and the mode of the one that it will replace."""
    if not hasattr(os, "fchown"):
        # Windows has neither; there a new file is as accessible as its folder.
        return
    try:
        old = target.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(old.st_mode):
        return
    with suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
