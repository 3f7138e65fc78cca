"""Standard output and standard error: results go to the one, everything else to the other."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

import typer

from ..errors import HpassError

if TYPE_CHECKING:
    from collections.abc import Callable

    Paint = Callable[..., str]


def prepare() -> None:
    """Make the standard streams take any name that a file can hold, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_result(text: str) -> None:
    """Write a result to standard output. Where its reader has gone, the rest goes nowhere.

    Raises HpassError where it cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
    except OSError as error:
        _silence()
        raise HpassError(f"standard output: cannot be written ({error.strerror})") from error


def log_error(message: str) -> None:
    """Write one line to standard error, from the program's name."""
    sys.stderr.write(f"hpass: {printable(message)}\n")


def printable(text: str) -> str:
    """Return text with all that would move the cursor written out: names from files stay on their line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def use_colour(stream: TextIO) -> Paint:
    """Return `typer.style` for a terminal that shows colours, else a function that leaves text plain."""
    colours = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return typer.style if colours else _plain


def uses_box_drawing(stream: TextIO) -> bool:
    """Whether the stream's encoding has box characters."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _plain(text: str, **_style: object) -> str:
    return text


def _silence() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not fail either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
