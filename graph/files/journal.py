"""The journal of a transaction: a staging folder whose new name means that its files must be moved into place.

To rename the folder is the commit. Before it, nothing has changed. After it, every command that reads or writes a model
in the folder of the journal completes the moves that the journal lists, or refuses to run. docs/files.md describes the
format.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import HpassError
from .file_content import same_content
from .placement import Identity, StagedFile, move_into_place, staged_path
from .staging import LOCK, is_file_at, open_without_following, remove_staging, wait_for_lock

JOURNAL = ".hpass-journal"
_VERSION = 1
_MAX_LIST_BYTES = 1 << 24


def write_list(staging: Path, files: Sequence[StagedFile]) -> None:
    """Write the list of staged files into the staging folder. Raises OSError."""
    entries = [
        {"name": file.name, **file.made._asdict(), "replaces": file.replaces and file.replaces._asdict()}
        for file in files
    ]
    with (staging / LOCK).open("w", encoding="utf-8") as file:
        json.dump({"version": _VERSION, "files": entries}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def recover_beside(path: Path) -> None:
    """Complete interrupted transactions in the folder of a file and, if it is a link, in the folder of its target.

    Raises HpassError as `recover` does, and OSError if the folder cannot be reached.
    """
    for folder in {Path(os.path.realpath(path.parent)), Path(os.path.realpath(path)).parent}:
        recover(folder)


def recover(folder: Path) -> None:
    """Complete an interrupted transaction in a folder, or wait for a run that is committing one.

    `folder` is a path without links. Raises HpassError, and changes nothing, if the files differ from those that the
    journal lists, or if the journal cannot be trusted.
    """
    journal = folder / JOURNAL
    while (status := _status(journal)) is not None:
        if not stat.S_ISDIR(status.st_mode):
            raise _journal_error(journal, "is not a folder")
        _check_owner(journal, status, folder)
        try:
            with open_without_following(journal / LOCK) as file:
                wait_for_lock(file)
                if is_file_at(file, journal / LOCK):
                    _complete(journal, folder, _read_list(file, journal, folder))
                    remove_staging(journal, file)
        except FileNotFoundError:
            _remove_empty(journal)
        except OSError as error:
            raise _journal_error(journal, f"cannot be completed here ({error.strerror})") from error


def name_below(path: Path, folder: Path) -> str | None:
    """Return the name of a path relative to a folder, as a journal lists it; None if a journal must not list it.

    It must not list paths outside the folder, in a hidden folder (such as .git/hooks), or on another file system.
    """
    parent = Path(os.path.realpath(path.parent))
    if path.name in {"", ".", ".."} or not parent.is_relative_to(folder):
        return None
    inner = parent.relative_to(folder).parts
    if any(part.startswith(".") or not part.isprintable() for part in inner):
        return None
    while not parent.exists():
        parent = parent.parent
    if parent.stat().st_dev != folder.stat().st_dev:
        return None
    return "/".join((*inner, path.name))


def _complete(journal: Path, folder: Path, files: Sequence[StagedFile]) -> None:
    is_staged_list = [os.path.lexists(staged_path(journal, number)) for number in range(len(files))]
    if not any(is_staged_list):
        # All files are in place, and may have been written again since.
        return
    for number, (file, is_staged) in enumerate(zip(files, is_staged_list, strict=True)):
        staged, target = staged_path(journal, number), folder / file.name
        if is_staged and Identity.of(staged) != file.made:
            raise _journal_error(journal, f"its copy of {file.name!r} is not what the run made")
        current = Identity.of(target)
        replaceable = current in {None, file.replaces} or same_content(staged, target)
        if current != file.made and not (is_staged and replaceable):
            raise _journal_error(journal, f"{file.name!r} has changed since")
    move_into_place(journal, folder, files)


def _read_list(file: BinaryIO, journal: Path, folder: Path) -> list[StagedFile]:
    """Return the list of files in a journal. It is not trusted, because it may come from an archive, for example."""
    is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    try:
        content = json.loads(file.read(_MAX_LIST_BYTES) if is_file else b"")
        if content["version"] != _VERSION:
            raise _journal_error(
                journal, f"it is of version {content['version']!r:.40}, which this hpass does not know"
            )
        files = [_entry(entry) for entry in content["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _journal_error(journal, "its list of files is damaged") from error
    for entry in files:
        if not _is_allowed_name(entry.name, folder):
            raise _journal_error(
                journal, f"it lists {entry.name!r:.200}, which is not a valid place for a file of a model"
            )
    if len({entry.name for entry in files}) < len(files):
        raise _journal_error(journal, "it lists a file twice")
    return files


def _entry(entry: Any) -> StagedFile:
    replaces = entry["replaces"]
    return StagedFile(entry["name"], _identity(entry), None if replaces is None else _identity(replaces))


def _is_allowed_name(name: object, folder: Path) -> bool:
    """Whether a name in a journal is a path in its folder, without links and without `..`."""
    if not isinstance(name, str) or "\0" in name:
        return False
    try:
        return name_below(folder.joinpath(*name.split("/")), folder) == name
    except (OSError, ValueError):
        return False


def _identity(entry: Any) -> Identity:
    size, time_ns = entry["size"], entry["time_ns"]
    if type(size) is not int or type(time_ns) is not int:
        raise TypeError
    return Identity(size, time_ns)


def _status(journal: Path) -> os.stat_result | None:
    try:
        return journal.lstat()
    except OSError:
        # There is no journal, or this user may not read the folder.
        return None


def _check_owner(journal: Path, status: os.stat_result, folder: Path) -> None:
    """Raise HpassError if the journal belongs to a user who may not replace the files beside it, as in /tmp."""
    shared = folder.stat()
    if shared.st_mode & stat.S_ISVTX and status.st_uid not in {os.geteuid(), shared.st_uid}:
        raise _journal_error(journal, "belongs to another user")


def _remove_empty(journal: Path) -> None:
    """Remove a journal without a list, which is what remains of a journal whose files are all in place."""
    try:
        journal.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        # Meanwhile another run may have renamed its staging folder to this name.
        if not os.path.lexists(journal / LOCK):
            raise _journal_error(journal, f"without a list of its files ({error.strerror})") from error


def _journal_error(journal: Path, problem: str) -> HpassError:
    return HpassError(
        f"{journal}: left by an interrupted run, and {problem}; remove it to keep the files beside it as they are"
    )
