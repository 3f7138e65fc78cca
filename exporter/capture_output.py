"""Capture the output of exporters, and describe their errors in one line."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Generator


@contextlib.contextmanager
def captured_output(*, verbose: bool) -> Generator[None]:
    """Send all printed text to standard error if `verbose`; else discard it, with log records and warnings."""
    with contextlib.ExitStack() as stack:
        if verbose:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            yield
            return
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, disabled)
        yield


def root_cause(error: BaseException) -> str:
    """Return the innermost error of an exception chain in one line, because exporters wrap the informative one."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if inner is None:
            break
        error = inner
    return describe_error(error)


def describe_error(error: BaseException) -> str:
    """Return the class of an error and the first line of its text, of which at most 300 characters."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a class of the model's definition
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
