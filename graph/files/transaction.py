"""Replace several files in one step: after an error or a kill, either all files are old or all files are new.

Each new file is written to a hidden folder beside its destination (`staging`) and synchronised. The commit renames that
folder to a journal (`journal`), which is one step for all files. Then the files are moved to their destinations
(`placement`). If a run is killed in between, the next run that reads or writes in the folder completes the journal.
"""

from __future__ import annotations

import errno
import os
import shutil
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
from .placement import Identity, Save, StagedFile, folders_of, move_into_place, staged_path, sync_folder, undo
from .staging import create_staging, remove_staging
from .write_errors import translate_write_errors

_JOURNAL_EXISTS = (errno.EEXIST, errno.ENOTEMPTY)
_IN_USE = (errno.EACCES, errno.EPERM, errno.EBUSY)
# The errors of object stores, in which folders are only parts of names.
_NO_FOLDER_RENAME = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EMFILE, errno.EINVAL)

WriteContent = Callable[[BinaryIO], object]
"""A function that writes the content of a new file. The file has a descriptor, so that content can be cloned."""


class Transaction:
    """A context manager that replaces files at the end of its block, or changes nothing if the block raises an error.

    `target` is the model that the other files belong to. The files in its folder and below are one set, which a kill
    cannot split. Files in other folders are replaced just before the set. Every method, and the end of the block,
    raises HpassError if a file cannot be written.
    """

    def __init__(self, target: Path | None = None) -> None:
        self._target_folder: Path | None = None
        self._sets: dict[Path, _FileSet] = {}
        self._relied_on: dict[Path, Identity | None] = {}
        if target is not None:
            with translate_write_errors(target):
                self._target_folder = Path(os.path.realpath(target)).parent
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
        """Whether a file would belong to the set of the target."""
        return self._target_folder is not None and name_below(path, self._target_folder) is not None

    def rely_on(self, path: Path) -> None:
        """Let the commit raise HpassError if the file at a path is not the same one as now."""
        self._relied_on[path] = Identity.of(path)

    def scratch(self, path: Path) -> Path:
        """Return a temporary folder on the file system of a path. It is removed at the end of the transaction."""
        with translate_write_errors(path):
            folder = self._set_for(Path(os.path.realpath(path)))[0].staging / "scratch"
            folder.mkdir(exist_ok=True)
            return folder

    def write(self, path: Path, write_content: WriteContent) -> None:
        """Replace a file, or the target of a link, by one that `write_content` writes. Permissions and owner stay.

        A device or a pipe is written immediately, because it has no old content to restore.
        """
        with translate_write_errors(path):
            target = Path(os.path.realpath(path))
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if target.exists() and not target.is_file():
                with target.open("wb") as file:
                    write_content(file)
                return
            self._stage(target, lambda staged: _write(staged, target, write_content), replace=True)

    def copy(self, source: Path, path: Path, *, replace: bool) -> None:
        """Write a copy of a file to a path. A link at the path is replaced, not its target.

        Unless `replace` is True, there must be no file at the path at the commit, or one with equal content.
        """
        with translate_write_errors(path):
            self._stage(
                path, lambda staged: _write(staged, path, lambda file: copy_content(source, file)), replace=replace
            )

    def link(self, source: Path, path: Path, *, replace: bool) -> None:
        """Create a symbolic link to a file at a path. `replace` has the same meaning as in `copy`."""
        with translate_write_errors(path):
            self._stage(path, lambda staged: staged.symlink_to(source.resolve()), replace=replace)

    def move(self, source: Path, path: Path, *, replace: bool) -> None:
        """Move a file from a `scratch` folder to a path. `replace` has the same meaning as in `copy`."""
        with translate_write_errors(path):
            self._stage(path, lambda staged: _move(source, staged, path), replace=replace)

    def _stage(self, path: Path, make: Callable[[Path], None], *, replace: bool) -> None:
        files, name = self._set_for(path)
        files.add(name, make, replace=replace)

    def _set_for(self, path: Path) -> tuple[_FileSet, str]:
        if self._target_folder is not None and (below := name_below(path, self._target_folder)) is not None:
            folder, name = self._target_folder, below
        else:
            folder, name = Path(os.path.realpath(path.parent)), path.name
            while not folder.exists():
                folder, name = folder.parent, f"{folder.name}/{name}"
        if folder not in self._sets:
            with deferred_signals():
                self._sets[folder] = _FileSet(folder)
        return self._sets[folder], name

    def _commit(self) -> None:
        # The target's set is committed last, because its files refer to the others.
        sets = sorted(self._sets.values(), key=lambda files: files.folder == self._target_folder)
        with deferred_signals():
            started: list[_FileSet] = []
            for path, identity in self._relied_on.items():
                with translate_write_errors(path):
                    if Identity.of(path) != identity:
                        raise HpassError(f"{path}: changed while the model was written; run again")
            try:
                for files in sets:
                    started.append(files)
                    files.commit(is_last=files.folder == self._target_folder)
            except BaseException:
                for files in reversed(started):
                    files.undo()
                raise


class _FileSet:
    """The staged files of one folder and its subfolders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging, self._lock = create_staging(folder)
        self._files: list[tuple[str, Identity, bool]] = []
        self._numbers: dict[str, int] = {}
        self._listed: list[StagedFile] = []
        self._new_folders: list[Path] = []
        self._has_old_files = False

    def add(self, name: str, make: Callable[[Path], None], *, replace: bool) -> None:
        """Stage a file, which `make` creates at a path, for a name below the folder. It replaces an earlier one."""
        number = self._numbers.setdefault(name, len(self._numbers))
        staged = staged_path(self.staging, number)
        staged.unlink(missing_ok=True)
        make(staged)
        made = Identity.of(staged)
        if made is None:
            raise AssertionError(f"{name}: no file was created")
        self._files[number : number + 1] = [(name, made, replace)]

    def commit(self, *, is_last: bool) -> None:
        """Move all files into place. Raises HpassError. The last set has a journal if it has more than one file."""
        with translate_write_errors(self.folder):
            self._list()
            save: Save = shutil.copy2
            if is_last:
                journaled = len(self._listed) > 1 and self._become_journal()
                # A journal covers the moment without the file. After a single file nothing else can fail.
                save = Path.rename if journaled else _save_nothing
        move_into_place(self.staging, self.folder, self._listed, save)

    def undo(self) -> None:
        """Restore the old files. Raises HpassError if that fails; the old files then stay in the staging folder."""
        try:
            undo(self.staging, self.folder, self._listed)
        except OSError as error:
            self._has_old_files = True
            raise HpassError(
                f"{self.folder}: the new files could not be written, and the old files could not be restored "
                f"({error.strerror or error}); copy the missing files from {self.staging}"
            ) from error
        for folder in self._new_folders:
            with suppress(OSError):
                folder.rmdir()

    def remove(self) -> None:
        """Remove the staging folder with all files in it, unless old files could not be restored."""
        if not self._has_old_files:
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
                    # Another run is committing, or was killed while it was.
                    recover(self.folder)
                    self._list()
                elif error.errno in _IN_USE and not self._lock.closed:
                    # On Windows and its file servers, a folder with an open file cannot be renamed.
                    self._lock.close()
                elif error.errno in _NO_FOLDER_RENAME:
                    return False
                else:
                    raise
            else:
                self.staging = journal
                sync_folder(self.folder)
                return True


def _save_nothing(_target: Path, _old: Path) -> None:
    pass


def _write(staged: Path, target: Path, write_content: WriteContent) -> None:
    with staged.open("xb") as file:
        _keep_attributes(file.fileno(), target)
        write_content(file)
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, staged: Path, target: Path) -> None:
    source.rename(staged)
    with staged.open("rb+") as file:
        _keep_attributes(file.fileno(), target)
        os.fsync(file.fileno())


def _keep_attributes(descriptor: int, target: Path) -> None:
    """Give a new file the owner and the mode of the file that it will replace."""
    if not hasattr(os, "fchown"):
        # Windows has neither. A new file there inherits the permissions of its folder.
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
