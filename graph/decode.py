"""Strings of a message as text: protobuf hands over as bytes what is not UTF-8, and real files have such names."""

from __future__ import annotations


def as_text(value: str | bytes) -> str:
    r"""Return a string field's value, bytes that are not UTF-8 written as `\xff`."""
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")
