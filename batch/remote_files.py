"""Bring models of other machines here, with their external data, and results there: whole or not at all."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from ..errors import HpassError
from ..graph.files import model_file
from .file_system import file_system
from .remote_errors import remote_errors

if TYPE_CHECKING:
    from upath import UPath

    from .location import Location

_BLOCK_BYTES = 1 << 22


class LocalFiles(NamedTuple):
    """Where a model is read and written on this machine. `is_uploaded` says that the result goes to another one."""

    source: Path
    target: Path
    is_uploaded: bool = False


@contextmanager
def local_files(source: Location, target: Location) -> Generator[LocalFiles]:
    """Return a context with local files for a model and its result.

    A remote model is copied to a temporary folder, with its external data. A result that belongs elsewhere is written
    to such a folder and sent at the end of the block, unless there was an exception. Raises HpassError if that fails.
    """
    if isinstance(source, Path) and isinstance(target, Path):
        yield LocalFiles(source, target)
        return
    with TemporaryDirectory(prefix="hpass-") as scratch:
        inward, outward = Path(scratch, "in"), Path(scratch, "out")
        inward.mkdir()
        outward.mkdir()
        try:
            files = LocalFiles(
                source if isinstance(source, Path) else _download(source, inward),
                target if isinstance(target, Path) else outward / target.name,
                is_uploaded=not isinstance(target, Path),
            )
            yield files
        except HpassError as error:
            text = str(error).replace(str(inward), _folder(source)).replace(str(outward), _folder(target))
            raise type(error)(text) from error
        if not isinstance(target, Path):
            _upload(outward, target, with_data=source.parent != target.parent)


def _folder(location: Location) -> str:
    # The folder of an address ends with a slash if it is a bucket.
    return str(location.parent).rstrip("/")


def _download(source: UPath, folder: Path) -> Path:
    """Copy a model and its external data to a folder. Readers refuse data that is missing or outside."""
    model = folder / source.name
    with remote_errors(source, "read"):
        file_system(source).get_file(source.path, str(model))
    for location in model_file.external_files(model_file.read(model).proto):
        parts = PurePosixPath(location).parts
        if not parts or ".." in parts or parts[0] == "/" or "\0" in location:
            continue
        data = source.parent.joinpath(*parts)
        copy = folder.joinpath(*parts)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with remote_errors(data, "read"), suppress(FileNotFoundError):
            file_system(data).get_file(data.path, str(copy))
    return model


def _upload(folder: Path, target: UPath, *, with_data: bool) -> None:
    """Send all files of a folder, the model last. What was new is removed again if one cannot be sent."""
    model = folder / target.name
    data = sorted(path for path in folder.rglob("*") if path.is_file() and path != model) if with_data else []
    copies = {path: target.parent.joinpath(*path.relative_to(folder).parts) for path in data}
    present = {path for path, copy in copies.items() if _exists(copy)}
    different = [path for path in data if path in present and not _has_content(copies[path], path)]
    _check_replaceable([copies[path] for path in different], target)
    missing = [path for path in data if path not in present]
    try:
        for path in (*missing, *different):
            _send(path, copies[path])
        _send(model, target)
    except BaseException:
        for path in missing:
            with suppress(Exception):
                file_system(target).rm_file(copies[path].path)
        raise


def _send(path: Path, target: UPath) -> None:
    with remote_errors(target, "written"):
        file_system(target).put_file(str(path), target.path)


def _exists(location: UPath) -> bool:
    with remote_errors(location, "found"):
        file_system(location).invalidate_cache(location.path)
        return bool(file_system(location).exists(location.path))


def _has_content(location: UPath, path: Path) -> bool:
    """Whether a remote file has the content of a local one. It is read until the first difference."""
    with remote_errors(location, "read"):
        if file_system(location).info(location.path)["size"] != path.stat().st_size:
            return False
        with file_system(location).open(location.path, "rb") as one, path.open("rb") as other:
            while block := other.read(_BLOCK_BYTES):
                if one.read(len(block)) != block:
                    return False
    return True


def _check_replaceable(present: list[UPath], target: UPath) -> None:
    """Raise HpassError if a file that is there already is not external data of the model that is replaced."""
    if not present:
        return
    replaced: set[str] = set()
    if _exists(target):
        with TemporaryDirectory(prefix="hpass-") as scratch, suppress(HpassError):
            old = Path(scratch, target.name)
            with remote_errors(target, "read"):
                file_system(target).get_file(target.path, str(old))
            locations = model_file.external_files(model_file.read(old).proto)
            replaced = {str(target.parent.joinpath(location)) for location in locations}
    for location in present:
        if str(location) not in replaced:
            raise HpassError(
                f"{location}: exists, but is the name of the model's external data; remove it, or choose another folder"
            )
