"""Sizes of the free dimensions of inputs: by name, and for names that are sums, by their parts."""

from __future__ import annotations

from collections.abc import Mapping


def size_of_expression(text: str, sizes: Mapping[str, int]) -> int | None:
    """Return the size of a dimension such as `past + current` or `length + 1`; None if a part of it is not known."""
    if text in sizes:
        return sizes[text]
    total = 0
    for part in text.split("+"):
        name = part.strip()
        if name.isdecimal():
            total += int(name)
        elif name in sizes:
            total += sizes[name]
        else:
            return None
    return total
