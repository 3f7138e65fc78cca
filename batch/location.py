"""Where a file lies: a path of this machine, or an address such as s3://bucket/model.onnx."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ..errors import UsageError
from .file_system import file_system

if TYPE_CHECKING:
    from upath import UPath

    Location: TypeAlias = Path | UPath

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOCAL_PROTOCOLS = {"file", "local"}


def is_address(text: str) -> bool:
    """Whether a text is an address and not a path of this machine."""
    return _ADDRESS.match(text) is not None


def absolute(location: Location) -> Location:
    """Return a location that means the same in every working directory."""
    return location.absolute() if isinstance(location, Path) else location


def is_folder_address(text: str) -> bool:
    """Whether a text is an address of a folder: it ends with a slash, or names a bucket alone."""
    rest = _ADDRESS.sub("", text, count=1)
    return is_address(text) and (rest.endswith("/") or "/" not in rest)


def parse_location(text: str) -> Location:
    """Return the path or the address that a text names. Nothing is opened.

    Raises UsageError if it is an address of an unknown kind, or if the package that reads such addresses is missing.
    """
    protocol = _ADDRESS.match(text)
    if protocol is None:
        return Path(text)
    if protocol[1] in _LOCAL_PROTOCOLS:
        return Path(text[protocol.end() :])
    try:
        from upath import UPath  # noqa: PLC0415 - of an extra

        location = UPath(text)
        _ = file_system(location)
    except ImportError as error:
        raise UsageError(
            f"{text}: the packages for such addresses are missing ({error}); pip install 'hpass[remote]', "
            "which has those for s3://"
        ) from error
    except ValueError as error:
        raise UsageError(f"{text}: no kind of address starts with {protocol[0]} ({error})") from error
    return location
