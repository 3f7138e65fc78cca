"""A progress bar on the terminal for work that takes more than a second."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_DELAY_S = 1.0


@dataclass
class ProgressBar:
    """A context manager that shows how many steps are done and which one runs.

    The bar appears after `_DELAY_S` seconds, and only if standard error is a terminal.
    """

    steps: int
    _done: int = 0
    _current: str = ""
    _bar: Any = None
    _task: Any = None
    _timer: Timer | None = None
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._timer = Timer(_DELAY_S, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._bar is not None:
                self._bar.stop()

    def start_step(self, name: str) -> None:
        """Start the step `name`; the step before it is done. An empty name means that all steps are done."""
        with self._lock:
            self._done += bool(self._current)
            self._current = name
            self._update()

    def _update(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self._current)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with self._lock:
            if self._timer is None:
                return
            self._bar = Bar(console=Console(file=sys.stderr), transient=True)
            self._task = self._bar.add_task(self._current, total=self.steps)
            self._update()
            self._bar.start()
