"""Decode strings of messages. Protobuf returns a string that is not UTF-8 as bytes, and real files have such names."""

from __future__ import annotations


def as_text(value: str | bytes) -> str:
    r"""Return the value of a string field as text. Bytes that are not UTF-8 are escaped as `\xff`."""
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")
