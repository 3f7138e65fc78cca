"""HTML by which a notebook shows a result: small, without scripts, and with all text escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from .escape import for_terminal

MAX_ROWS = 20
"""A table shows at most this many rows."""

_CELL = "padding:2px 10px;vertical-align:top"


def text(value: object) -> str:
    """Return a value as HTML that shows it on one line. Names in models are untrusted."""
    return html.escape(for_terminal(str(value)))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with a title; numbers stand at the right, and a line says how many rows are left out."""
    head = "".join(f'<th style="{_CELL};text-align:left">{text(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MAX_ROWS])
    left_out = len(rows) - MAX_ROWS
    more = f"<p>{left_out:,} more</p>" if left_out > 0 else ""
    return f"<p><b>{text(title)}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def fold(summary: str, content: Iterable[str], *, is_open: bool) -> str:
    """Return content, which is HTML, below a line that folds it; without content, the line alone."""
    inner = "".join(content)
    if not inner:
        return f'<div style="padding-left:1.1em">{text(summary)}</div>'
    shown = ' open="open"' if is_open else ""
    return f'<details{shown} style="padding-left:1.1em"><summary>{text(summary)}</summary>{inner}</details>'


def _cell(value: object) -> str:
    is_number = isinstance(value, (int, float))
    shown = (f"{value:,}" if isinstance(value, int) else f"{value:,.2f}") if is_number else value
    return f'<td style="{_CELL};text-align:{"right" if is_number else "left"}">{text(shown)}</td>'
