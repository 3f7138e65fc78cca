"""Send graphsurgeon's messages, which it prints to standard output, to Python's logging."""

from __future__ import annotations

import logging
from collections.abc import Callable

from onnx_graphsurgeon.logger.logger import G_LOGGER, LogMode

_LOG = logging.getLogger("onnx_graphsurgeon")


def use_python_logging() -> None:
    """Send graphsurgeon's messages to the logger `onnx_graphsurgeon`. Its own severity still filters them.

    If the application configures no handler, Python writes warnings and errors to standard error.
    """
    G_LOGGER.log = _log


def _log(message: str | Callable[[], str], severity: int, mode: int = LogMode.EACH, stack_depth: int = 2) -> None:
    if severity < G_LOGGER.severity:
        return
    if mode == LogMode.ONCE:
        if hash(message) in G_LOGGER.once_logged:
            return
        G_LOGGER.once_logged.add(hash(message))
    text = message() if callable(message) else message
    # graphsurgeon's severities are Python's levels, plus some below DEBUG, down to negative numbers.
    _LOG.log(max(severity, 1), "%s", text, stacklevel=stack_depth)
