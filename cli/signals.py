"""Handle SIGTERM and SIGHUP: temporary files are removed, and the exit code is 128 plus the signal's number."""

from __future__ import annotations

import signal
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")


class Terminated(KeyboardInterrupt):
    """Raised if a signal asks the process to end. Like KeyboardInterrupt, it is not caught by `except Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def raise_on_termination() -> None:
    """Make the signals raise Terminated. A signal that is ignored, like SIGHUP under nohup, stays ignored."""
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)


def end_on_termination() -> None:
    """Make the signals end the process at once, as they do by default."""
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, _frame: FrameType | None) -> None:
    # A second signal must not interrupt the removal of temporary files.
    for other in _numbers():
        signal.signal(other, signal.SIG_IGN)
    raise Terminated(number)


def _numbers() -> list[int]:
    # Windows has no SIGHUP.
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
