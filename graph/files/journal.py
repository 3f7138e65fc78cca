"""The journal of a transaction: a staging folder under a name that says that its files are to take their places.

Renaming the folder is the commit. Before it, nothing has changed; from then on, whoever reads or writes a model in the
folder that the journal lies in completes what it lists, or refuses. docs/files.md says what a journal holds.
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
from .placement import Identity, StagedFile, place, staged_path
from .staging import LOCK, is_still, open_plain, remove_staging, wait_for_lock

JOURNAL = ".hpass-journal"
_VERSION = 1
_LONGEST = 1 << 24


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
    """Complete what interrupted runs had begun beside a file, and beside what it leads to if it is a link.

    Raises as `recover`, and OSError if there is no way to the file.
    """
    for folder in {Path(os.path.realpath(path.parent)), Path(os.path.realpath(path)).parent}:
        recover(folder)


def recover(folder: Path) -> None:
    """Complete what an interrupted run had begun to put in place in a folder; wait for one that does so now.

    `folder` is the path without links. Raises HpassError, and leaves all as it is, if the files are no longer those
    that the journal lists, or if it is not to be trusted.
    """
    journal = folder / JOURNAL
    while (status := _status(journal)) is not None:
        if not stat.S_ISDIR(status.st_mode):
            raise _refused(journal, "is no folder")
        _check_owner(journal, status, folder)
        try:
            with open_plain(journal / LOCK) as file:
                wait_for_lock(file)
                if is_still(file, journal / LOCK):
                    _complete(journal, folder, _read_list(file, journal, folder))
                    remove_staging(journal, file)
        except FileNotFoundError:
            _remove_empty(journal)
        except OSError as error:
            raise _refused(journal, f"cannot be completed here ({error.strerror})") from error


def name_below(path: Path, folder: Path) -> str | None:
    """Return the name of a path below a folder, as a journal has it; None if no journal of that folder may list it.

    It may not if it lies outside, in a hidden folder (as the hooks of git do), or on another file system.
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
    waiting = [os.path.lexists(staged_path(journal, number)) for number in range(len(files))]
    if not any(waiting):
        # All are in their places, and may have been written anew since.
        return
    for number, (file, waits) in enumerate(zip(files, waiting, strict=True)):
        staged, target = staged_path(journal, number), folder / file.name
        if waits and Identity.of(staged) != file.made:
            raise _refused(journal, f"its copy of {file.name!r} is not what the run made")
        there = Identity.of(target)
        replaceable = there in {None, file.replaces} or same_content(staged, target)
        if there != file.made and not (waits and replaceable):
            raise _refused(journal, f"{file.name!r} has changed since")
    place(journal, folder, files)


def _read_list(file: BinaryIO, journal: Path, folder: Path) -> list[StagedFile]:
    """Return what a journal lists. It may come from anywhere, with an archive for example."""
    is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    try:
        content = json.loads(file.read(_LONGEST) if is_file else b"")
        if content["version"] != _VERSION:
            raise _refused(journal, f"it is of version {content['version']!r:.40}, which this hpass does not know")
        files = [_entry(entry) for entry in content["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused(journal, "its list of files is damaged") from error
    for entry in files:
        if not _is_name(entry.name, folder):
            raise _refused(journal, f"it lists {entry.name!r:.200}, which is no place for a file of a model")
    if len({entry.name for entry in files}) < len(files):
        raise _refused(journal, "it lists a file twice")
    return files


def _entry(entry: Any) -> StagedFile:
    replaces = entry["replaces"]
    return StagedFile(entry["name"], _identity(entry), None if replaces is None else _identity(replaces))


def _is_name(name: object, folder: Path) -> bool:
    """Whether a name from a journal is that of a place in its folder, reached by no link and no detour."""
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
        # There is none, or no folder that this user may look into.
        return None


def _check_owner(journal: Path, status: os.stat_result, folder: Path) -> None:
    """Refuse the journal of somebody who may not replace the files beside it: in /tmp, files are their owners' only."""
    shared = folder.stat()
    if shared.st_mode & stat.S_ISVTX and status.st_uid not in {os.geteuid(), shared.st_uid}:
        raise _refused(journal, "belongs to another user")


def _remove_empty(journal: Path) -> None:
    """Remove a journal without a list, which is what is left of one whose files are in their places."""
    try:
        journal.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        # Another run may have renamed its own to it meanwhile.
        if not os.path.lexists(journal / LOCK):
            raise _refused(journal, f"without a list of its files ({error.strerror})") from error


def _refused(journal: Path, problem: str) -> HpassError:
    return HpassError(
        f"{journal}: left by a run that was interrupted, and {problem}; "
        "remove this folder to keep the files beside it as they are"
    )
