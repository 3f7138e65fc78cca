"""Decode strings of messages. Protobuf returns a string that is not UTF-8 as bytes, and real files have such names.

Every string of a file that other packages see has been decoded here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def as_text(value: str | bytes) -> str:
    r"""Return the value of a string field as text. Bytes that are not UTF-8 are escaped as `\xff`."""
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")


def is_utf8(value: str | bytes) -> bool:
    """Whether the value of a string field is UTF-8, so that `as_text` loses nothing."""
    return isinstance(value, str)


def as_file_name(value: str | bytes) -> str:
    """Return the value of a string field as a file name, which may contain any bytes on most systems."""
    return os.fsdecode(value)


def as_pairs(entries: Iterable[onnx.StringStringEntryProto]) -> list[tuple[str, str]]:
    """Return entries, such as metadata or the entries of external data, as pairs of key and value, in order."""
    return [(as_text(entry.key), as_text(entry.value)) for entry in entries]
