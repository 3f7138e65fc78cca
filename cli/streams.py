"""Write results to standard output and messages to standard error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, TextIO

import typer

from ..errors import HpassError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Paint = Callable[..., str]


def configure_streams() -> None:
    """Make the standard streams escape characters that the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def prints_to_stderr() -> AbstractContextManager[object]:
    """Return a context in which what passes and libraries print goes to standard error. Not for threads."""
    return redirect_stdout(sys.stderr)


def write_result(text: str) -> None:
    """Write a result to standard output. If the reader has closed the pipe, all further output is discarded.

    Raises HpassError if standard output cannot be written, for example because the disk is full.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise HpassError(f"standard output: cannot be written ({error.strerror})") from error


def log_error(message: str) -> None:
    """Write `hpass: MESSAGE` to standard error, in one line."""
    sys.stderr.write(f"hpass: {printable(message)}\n")


def printable(text: str) -> str:
    """Return text with non-printable characters escaped, so that a name from a file cannot control the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def use_colour(stream: TextIO) -> Paint:
    """Return `typer.style` if the stream is a terminal with colours, else a function that returns the text as it is."""
    colours = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return typer.style if colours else _unstyled


def uses_box_drawing(stream: TextIO) -> bool:
    """Whether the stream's encoding has box-drawing characters."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _unstyled(text: str, **_style: object) -> str:
    return text


def _discard_output() -> None:
    """Redirect standard output to the null device, so that the interpreter's flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
