"""A progress bar on the terminal for work that takes more than a second."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Self, TextIO

from ..escape import for_terminal

if TYPE_CHECKING:
    from types import TracebackType

_DELAY_S = 1.0


@dataclass
class ProgressBar:
    """A context manager that shows which step runs, and how many are done if the number of `steps` is known.

    The bar appears after `_DELAY_S` seconds, and only if it is not `hidden` and standard error is a terminal.
    """

    steps: int | None
    hidden: bool = False
    _done: int = 0
    _current: str = ""
    # Kept, because sys.stderr is replaced while the output of libraries is captured.
    _stream: TextIO = field(default_factory=lambda: sys.stderr)
    _bar: Any = None
    _task: Any = None
    _timer: Timer | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def is_shown(self) -> bool:
        """Whether the bar appears if the work takes long enough."""
        return self._stream.isatty() and not self.hidden

    def __enter__(self) -> Self:
        if self.is_shown:
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

    @contextmanager
    def paused(self) -> Generator[None]:
        """Remove the bar while other text is written to the terminal."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            try:
                yield
            finally:
                if self._bar is not None:
                    self._bar.start()

    def _update(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=for_terminal(self._current))

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._timer is None:
                return
            self._bar = Bar(
                # Without markup, which a file name may contain.
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
                transient=True,
                # With redirection, the end of the bar restores the streams that were current when it appeared.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task("", total=self.steps)
            self._update()
            self._bar.start()
