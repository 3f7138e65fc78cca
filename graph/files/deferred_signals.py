"""A block that requests to stop do not interrupt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def deferred_signals() -> Generator[None]:
    """Deliver Ctrl-C and requests to end only when the block is done. Only the main thread receives any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # None: a handler that was not set from Python and could not be set again.
    before = {number: signal.getsignal(number) for number in numbers}
    known = {number: handler for number, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    try:
        for number in known:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)
        for number in received:
            signal.raise_signal(number)
