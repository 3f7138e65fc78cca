"""Look at the files of another machine: which there are, and whether they changed."""

from __future__ import annotations

from os.path import commonprefix
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from ..errors import HpassError
from .file_system import file_system
from .inputs import SUFFIX, WILDCARD, Input, fixed_folder
from .location import parse_location
from .remote_errors import remote_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upath import UPath

_WITH_BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
# What the kinds of storage call the value that changes with the content, the best first.
_CHANGES = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "mtime", "updated", "created")


def remote_models(address: str) -> list[Input]:
    """Return the models below a remote folder, or those that match a pattern, sorted. Raises HpassError."""
    root = cast("UPath", parse_location(fixed_folder(address)))
    is_pattern = WILDCARD.search(address) is not None
    storage = file_system(root)
    with remote_errors(address, "listed"):
        storage.invalidate_cache()
        paths = storage.glob(_pattern_path(root, address)) if is_pattern else list(storage.find(root.path, detail=True))
    start = PurePosixPath(root.path)
    below = [(path, PurePosixPath(path).relative_to(start)) for path in sorted(paths)]
    return [
        Input(root.joinpath(*relative.parts), "/".join(relative.parts[:-1]))
        for path, relative in below
        if is_pattern or (path.endswith(SUFFIX) and not any(part.startswith(".") for part in relative.parts))
    ]


def _pattern_path(root: UPath, address: str) -> str:
    return f"{root.path.rstrip('/')}/{address[len(fixed_folder(address)) :]}"


def check_bucket(location: UPath) -> None:
    """Raise HpassError if the bucket of an address does not exist: each file would fail after all the work."""
    storage = file_system(location)
    bucket = location.path.partition("/")[0]
    if location.protocol in _WITH_BUCKETS and bucket:
        with remote_errors(location, "written"):
            try:
                storage.info(bucket)
            except FileNotFoundError as error:
                raise HpassError(f"{location}: there is no bucket '{bucket}'; create it first") from error
            except PermissionError:
                pass  # writing may be allowed all the same


def remote_versions(locations: Sequence[UPath]) -> dict[UPath, str]:
    """Return the size of each remote file, and its checksum or time; empty if there is no such file.

    Of several files, the folder that they share is listed first, because each request takes a round trip. Raises
    HpassError if a file cannot be looked up.
    """
    listed: dict[str, dict[str, Any]] = {}
    for root in {location.parents[-1] for location in locations}:
        below = [location for location in locations if location.parents[-1] == root]
        if len(below) > 1:
            listed |= _files_in_shared_folder(below)
    return {location: _version(listed.get(location.path) or _info(location)) for location in locations}


def _files_in_shared_folder(locations: Sequence[UPath]) -> dict[str, dict[str, Any]]:
    """Return what a listing says of each file; nothing if the folder cannot be listed."""
    prefix = commonprefix([location.path for location in locations])  # noqa: RUF071 - cut at a slash below
    storage = file_system(locations[0])
    with remote_errors(locations[0].parent, "listed"):
        try:
            storage.invalidate_cache()
            return storage.find(prefix[: prefix.rfind("/") + 1], detail=True)
        except (OSError, NotImplementedError):
            return {}


def _info(location: UPath) -> dict[str, Any]:
    with remote_errors(location, "found"):
        file_system(location).invalidate_cache(location.path)
        try:
            return file_system(location).info(location.path)
        except FileNotFoundError:
            return {}


def _version(info: Mapping[str, Any]) -> str:
    change = next((str(info[key]) for key in _CHANGES if info.get(key) is not None), "")
    return f"{info['size']} {change}" if info else ""
