"""External data: the files beside a model that hold its large tensors. They are moved along, never parsed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

import onnx

from ...errors import HpassError
from . import model_file
from .atomic_write import atomic_write


class ExternalDataMode(StrEnum):
    """How external data comes along into another folder: as a copy, or as a link to the original."""

    COPY = "copy"
    LINK = "link"


def check_external_data(model: onnx.ModelProto, folder: Path, name: str) -> list[str]:
    """Return the external files of a model that lies in `folder`.

    Raises HpassError where one is missing or lies outside the folder, which onnxruntime refuses as well.
    """
    locations = model_file.external_files(model)
    home = Path(os.path.realpath(folder))
    for location in locations:
        if "\0" in location:
            raise HpassError(f"{name}: its external data {location!r} cannot be a file; export the model again")
        path = folder / location
        resolved = Path(os.path.realpath(path))
        if not location or Path(location).is_absolute() or home not in resolved.parents:
            raise HpassError(
                f"{name}: its external data '{location}' lies outside the model's folder; move it beside the model"
            )
        if not _is_file(path):
            raise HpassError(f"{name}: its external data '{location}' is missing in {folder}; put it there")
    return locations


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, a folder that may not be entered.
        return False


def reading_folders(path: Path) -> list[Path]:
    """Return where readers of a model look for its external data: beside the file, and beside the link if it is one."""
    beside, behind = Path(os.path.realpath(path.parent)), Path(os.path.realpath(path)).parent
    return [path.parent] if beside == behind else [behind, path.parent]


def copy_external_data(
    locations: list[str],
    source: Path,
    target: Path,
    *,
    replaceable: list[str],
    how: ExternalDataMode = ExternalDataMode.COPY,
) -> None:
    """Bring external files from one folder to where readers of another model look, under the same names: all or none.

    `replaceable` are the locations that the model being replaced there uses. Raises HpassError where a file of
    another model is in the way, OSError as the system reports it.
    """
    waiting = [
        (location, folder / location)
        for folder in reading_folders(target)
        for location in locations
        if not _is_same(source / location, folder / location)
    ]
    for location, place in waiting:
        if place.exists() and location not in replaceable:
            raise HpassError(f"{place} is in the way of the model's external data; choose another folder, or remove it")
    put = _link if how is ExternalDataMode.LINK else _copy
    with ExitStack() as stack:
        for location, place in waiting:
            place.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(put(source / location, place))


@contextmanager
def _copy(source: Path, target: Path) -> Generator[None]:
    """Make a copy that takes the target's place when the block ends well."""
    with source.open("rb") as reading, atomic_write(target, follow=False) as writing:
        shutil.copyfileobj(reading, writing, 1 << 22)
        writing.flush()
        # The time of the original tells a later run that the copy is still the same; Windows cannot set it here.
        status = source.stat()
        if os.utime in os.supports_fd:
            os.utime(writing.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        yield


@contextmanager
def _link(source: Path, target: Path) -> Generator[None]:
    """Make a link that takes the target's place when the block ends well."""
    link = target.with_name(f".{target.name}.{os.getpid()}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(source.resolve())
    try:
        yield
        link.replace(target)
    finally:
        link.unlink(missing_ok=True)


def _is_same(source: Path, target: Path) -> bool:
    """Whether the target is this file already: the same one, or a copy of its size and time."""
    try:
        ours, theirs = source.stat(), target.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(ours, theirs) or (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
