"""Look at the files of another machine: which there are, and whether they changed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from ..errors import HpassError
from .file_system import file_system
from .inputs import SUFFIX, WILDCARD, Input, fixed_folder
from .location import parse_location
from .remote_errors import remote_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        paths = storage.glob(_pattern_path(root, address)) if is_pattern else storage.find(root.path)
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


def remote_version(location: UPath) -> str:
    """Return the size of a remote file, and its checksum or time; empty if there is no such file. Raises HpassError."""
    with remote_errors(location, "found"):
        try:
            info = file_system(location).info(location.path)
        except FileNotFoundError:
            return ""
    change = next((str(info[key]) for key in _CHANGES if info.get(key) is not None), "")
    return f"{info.get('size')} {change}"


def remote_paths(locations: Sequence[UPath]) -> set[str]:
    """Return the paths of all files in the folder that the locations share, and below. Raises HpassError."""
    first = locations[0]
    common = [parent for parent in first.parents if all(parent in other.parents for other in locations)]
    folder = common[0] if common else first.parent
    with remote_errors(folder, "listed"):
        file_system(folder).invalidate_cache()
        return set(file_system(folder).find(folder.path))
