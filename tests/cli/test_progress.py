from __future__ import annotations

import io
import time

import pytest

from hpass.cli import progress
from hpass.cli.progress import ProgressBar


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _wait_for(stream: io.StringIO, text: str) -> bool:
    """Wait until a text has been shown: the bar is drawn by a thread of its own."""
    until = time.monotonic() + 30
    while text not in stream.getvalue() and time.monotonic() < until:
        time.sleep(0.02)
    return text in stream.getvalue()


def test_a_terminal_sees_what_runs_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_DELAY_S", 0.01)
    monkeypatch.setenv("TERM", "xterm")

    with ProgressBar(2) as bar:
        bar.start_step("open")
        assert _wait_for(stream, "open")
        bar.start_step("write")
        assert _wait_for(stream, "write")
        assert _wait_for(stream, "50%")


@pytest.mark.parametrize(("stream", "patience"), [(Terminal(), 60.0), (io.StringIO(), 0.01)])
def test_what_is_soon_done_and_what_nobody_looks_at_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_DELAY_S", patience)

    with ProgressBar(1) as bar:
        bar.start_step("open")
        time.sleep(0.1)

    assert stream.getvalue() == ""
