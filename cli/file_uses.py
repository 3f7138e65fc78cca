"""Check whether a command would overwrite one of its own files."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import ChainMap
from collections.abc import Hashable, Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import UsageError

if TYPE_CHECKING:
    from ..batch.location import Location
    from ..graph.model import Model
    from ..graph.tagged_file import TaggedFile

STREAM = Path("-")
"""Standard input as an input, standard output as an output."""


class _Use(NamedTuple):
    role: str
    is_written: bool


def _standard_output() -> dict[Hashable, _Use]:
    """Return the use of the file that standard output is redirected to, if it is one."""
    identity = _descriptor_identity(1)
    return {} if identity is None else {identity: _Use("standard output", is_written=True)}


@dataclass
class FileUses:
    """The files that a command reads and writes. A file that is written must not have another use.

    Files are compared by identity, not by path: spelling, links, hard links and, if the file system ignores it, case do
    not matter. Devices and pipes are not compared. Standard output is always written. A role names a use in messages,
    such as `--report r.json`.
    """

    _uses: MutableMapping[Hashable, _Use] = field(default_factory=_standard_output)

    def read(self, path: Location, role: str) -> None:
        """Add a file that is read. Raises UsageError if it is also written."""
        self._add(_descriptor_identity(0) if path == STREAM else _identity(path), _Use(role, is_written=False))

    def write(self, path: Location, role: str) -> None:
        """Add a file that is written. Raises UsageError if it has another use."""
        if path != STREAM:
            self._add(_identity(path), _Use(role, is_written=True))

    def child(self) -> FileUses:
        """Return a copy of the uses. Files that are added to the copy are not added to this object."""
        return FileUses(ChainMap[Hashable, _Use]({}, self._uses))

    def add_external_data(
        self, model: Model | TaggedFile, target: Path | None = None, dump: Path | None = None
    ) -> None:
        """Add the external data of a model that is read, and its copies beside an output and in a folder of dumps.

        Raises UsageError as `read` and `write` do.
        """
        if model.folder is None:
            return
        from ..graph.files.external_locations import reading_folders

        folders = [] if target is None or target == STREAM else reading_folders(target)
        if dump is not None:
            folders.append(dump)
        originals = {location: model.folder / location for location in model.locations}
        for location, original in originals.items():
            self.read(original, f"the external data '{location}' of {model.name}")
        # Several locations of a model may lead to the same file, and the two folders may be the same.
        seen = {_identity(original) for original in originals.values()}
        for location in originals:
            for copy in (folder / location for folder in folders):
                if _identity(copy) not in seen:
                    seen.add(_identity(copy))
                    self.write(copy, f"the copy of the external data '{location}' of {model.name}")

    def _add(self, identity: Hashable | None, use: _Use) -> None:
        if identity is None:
            return
        other = self._uses.setdefault(identity, use)
        if other is not use and (use.is_written or other.is_written):
            writer, victim = (use, other) if use.is_written else (other, use)
            raise UsageError(f"{writer.role} would overwrite {victim.role}; name another file")


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same regular file, which need not exist. Links are followed."""
    identity = _identity(one)
    return identity is not None and identity == _identity(other)


def model_files(spec: str) -> Iterator[Path]:
    """Yield the files that a model specification names: FILE.py of FILE.py:FACTORY, or all files of a folder."""
    path = Path(spec)
    try:
        yield from path.iterdir()
    except OSError:
        yield path
        yield Path(spec.rpartition(":")[0])


def _descriptor_identity(descriptor: int) -> Hashable | None:
    with suppress(OSError):
        return _regular_identity(os.fstat(descriptor))
    return None


def _identity(path: Location) -> Hashable | None:
    """Return a key that all paths to a regular file share, whether it exists or not; None for any other path."""
    if not isinstance(path, Path):
        return str(path)
    with suppress(OSError, ValueError):
        return _regular_identity(path.stat())
    with suppress(OSError, ValueError):
        # The file does not exist, so its folder and its name identify it.
        resolved = Path(os.path.realpath(path))
        folder, name = resolved.parent, resolved.name
        status = folder.stat()
        if _ignores_case(folder):
            name = unicodedata.normalize("NFC", name).casefold()
        return status.st_dev, status.st_ino, name
    # Neither the file nor its folder can be read, so nothing can be overwritten.
    return None


def _regular_identity(status: os.stat_result) -> Hashable | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _ignores_case(folder: Path) -> bool:
    """Whether a folder's file system ignores case, that is whether a folder is found with its case swapped."""
    for path in (folder, *folder.parents):
        swapped = path.name.swapcase()
        if swapped != path.name:
            with suppress(OSError):
                return path.with_name(swapped).samefile(path)
            return False
    return False
