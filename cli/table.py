"""Columns of text, flush right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def column_widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    return [max(map(len, column)) for column in zip(heads, *rows, strict=True)]


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return the cells of a row, flush right."""
    return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
