"""Write results to standard output and messages to standard error.

All text is escaped here, so that a name from a file can neither break its line nor control the terminal. Colour is not
part of the text: `Styled` requests it, and it is added after the text is escaped.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any, TextIO

import typer

from ..errors import HpassError
from ..escape import for_json, for_terminal


@dataclass(frozen=True)
class Styled:
    """Text that a terminal shows in a colour, bold or dim."""

    text: str
    colour: str | None = None
    bold: bool = False
    dim: bool = False


Span = str | Styled
Line = Span | Iterable[Span]


class ResultStream(io.TextIOWrapper):
    """Standard output. Its methods raise HpassError if it cannot be written.

    If the reader has closed the pipe, all further output is discarded.
    """

    def write(self, text: str, /) -> int:
        """Write text."""
        with self._errors():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write the buffered text."""
        with self._errors():
            super().flush()

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except BrokenPipeError:
            self._discard()
        except OSError as error:
            self._discard()
            raise HpassError(f"standard output: cannot be written ({error.strerror})") from error

    def _discard(self) -> None:
        """Redirect the stream to the null device, so that buffered and further text cannot fail."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


class MessageStream(io.TextIOWrapper):
    """Standard error. Text that cannot be written is discarded, because the failure cannot be reported."""

    def write(self, text: str, /) -> int:
        """Write text; discard it if that fails."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write the buffered text; discard it if that fails."""
        with suppress(OSError):
            super().flush()


def configure_streams() -> None:
    """Make the standard streams safe to use if one is closed or full, or if its encoding lacks a character.

    A closed descriptor is opened again, so that no other file gets its number. Its mode is the opposite one (write-only
    for standard input), so that every use fails as before. `sys.stdin` stays None if standard input was closed.
    """
    for descriptor, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # The system returns the lowest free number, which is this one.
            os.open(os.devnull, mode)
    sys.stdout = _reopened(sys.stdout, 1, ResultStream)
    sys.stderr = _reopened(sys.stderr, 2, MessageStream)


def _reopened(replaced: TextIO | None, descriptor: int, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    """Open a standard stream again, with the encoding and the buffering of the one that it replaces."""
    binary = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - the stream stays open until the process exits
    encoding = "utf-8" if replaced is None else replaced.encoding
    # With PYTHONUNBUFFERED, a standard stream is not line buffered, but writes everything at once.
    is_direct = getattr(replaced, "line_buffering", True) or getattr(replaced, "write_through", False)
    return kind(binary, encoding, "backslashreplace", line_buffering=is_direct)


def flush_results() -> None:
    """Flush standard output before the process exits. If that fails, the error has already been reported."""
    with suppress(HpassError):
        sys.stdout.flush()


def prints_to_stderr() -> AbstractContextManager[object]:
    """Return a context in which the printed text of passes and libraries goes to standard error. Not thread-safe."""
    return redirect_stdout(sys.stderr)


def write_result(*lines: Line) -> None:
    """Write lines of text to standard output. If the reader has closed the pipe, all further output is discarded.

    Raises HpassError if standard output cannot be written, for example because the disk is full.
    """
    sys.stdout.write("".join(_rendered(lines, sys.stdout)))
    sys.stdout.flush()


def write_summary(*lines: Line) -> None:
    """Write lines to standard output when the work is done. A failure is logged and not raised."""
    try:
        write_result(*lines)
    except HpassError as error:
        log_error(str(error))


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
    # None, because for False typer.style writes a code that switches the style off.
    return typer.style(text, fg=span.colour, bold=span.bold or None, dim=span.dim or None) if colours else text
