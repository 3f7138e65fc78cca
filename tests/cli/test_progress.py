from __future__ import annotations

import io
import time

import pytest

from hpass.cli import progress
from hpass.cli.progress import Progress


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _run(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    monkeypatch.setenv("TERM", "xterm")
    with Progress(2) as bar:
        bar.begin("open")
        time.sleep(0.3)
        bar.begin("write")
        time.sleep(0.3)
    return stream.getvalue()


def test_a_terminal_sees_what_runs_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _run(monkeypatch, Terminal(), 0.05)

    assert "open" in shown
    assert "write" in shown
    assert "50%" in shown


def test_what_is_done_within_a_second_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(monkeypatch, Terminal(), 5) == ""


def test_a_file_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(monkeypatch, io.StringIO(), 0.05) == ""
