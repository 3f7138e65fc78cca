"""Write results to standard output and messages to standard error.

All text is escaped here, so that a name from a file can neither break its line nor control the terminal. Colour is not
part of the text: `Styled` requests it, and it is added after the text is escaped.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from typing import Any, TextIO

import typer

from ..errors import HpassError
from ..reporting.escape import for_json, for_terminal


@dataclass(frozen=True)
class Styled:
    """Text that a terminal shows in a colour, bold or dim."""

    text: str
    colour: str | None = None
    bold: bool = False
    dim: bool = False


Span = str | Styled
Line = Span | Iterable[Span]


def configure_streams() -> None:
    """Make the standard streams escape characters that the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def prints_to_stderr() -> AbstractContextManager[object]:
    """Return a context in which what passes and libraries print goes to standard error. Not for threads."""
    return redirect_stdout(sys.stderr)


def write_result(*lines: Line) -> None:
    """Write lines of text to standard output. If the reader has closed the pipe, all further output is discarded.

    Raises HpassError if standard output cannot be written, for example because the disk is full.
    """
    try:
        sys.stdout.write("".join(_rendered(lines, sys.stdout)))
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise HpassError(f"standard output: cannot be written ({error.strerror})") from error


def write_json(value: Any) -> None:
    """Write a value to standard output as JSON. Raises HpassError as `write_result` does."""
    write_result(for_json(value))


def log(*lines: Line) -> None:
    """Write lines of text to standard error."""
    sys.stderr.writelines(_rendered(lines, sys.stderr))


def log_error(message: str) -> None:
    """Write `hpass: MESSAGE` to standard error, in one line."""
    log(f"hpass: {message}")


def uses_box_drawing(stream: TextIO) -> bool:
    """Whether the stream's encoding has box-drawing characters."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _rendered(lines: Iterable[Line], stream: TextIO) -> Iterator[str]:
    colours = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for line in lines:
        spans = [line] if isinstance(line, (str, Styled)) else line
        yield "".join(_rendered_span(span, colours=colours) for span in spans) + "\n"


def _rendered_span(span: Span, *, colours: bool) -> str:
    if isinstance(span, str):
        return for_terminal(span)
    text = for_terminal(span.text)
    # None, because typer.style writes a code that switches off what is False.
    return typer.style(text, fg=span.colour, bold=span.bold or None, dim=span.dim or None) if colours else text


def _discard_output() -> None:
    """Redirect standard output to the null device, so that the interpreter's flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
