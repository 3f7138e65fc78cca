"""Defer signals that end the process until a block is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def deferred_signals() -> Generator[None]:
    """Return a context that delays SIGINT, SIGTERM and SIGHUP until its end. Only the main thread receives signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def record(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # None means that the handler was not set from Python, so it could not be restored.
    handlers = {number: signal.getsignal(number) for number in numbers}
    restorable = {number: handler for number, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    try:
        for number in restorable:
            signal.signal(number, record)
        yield
    finally:
        for number, handler in restorable.items():
            signal.signal(number, handler)
        for number in received:
            signal.raise_signal(number)
