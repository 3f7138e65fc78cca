"""Describe errors that are neither HpassError nor bugs, in one line."""

from __future__ import annotations

import os
from pathlib import Path


def error_text(error: BaseException) -> str | None:
    """Return a message for an error whose cause is outside of hpass; None if the error may be a bug.

    These are SystemExit, which only a pass or a model's definition raises, a lack of memory, and system errors about a
    file, such as a path that is too long, or about a working directory that was removed.
    """
    match error:
        case SystemExit():
            return f"a pass or a model's definition tried to end the process ({error!r}); it must raise another error"
        case MemoryError():
            return "there is not enough memory"
        case OSError(filename=str() | bytes() as name):
            return f"{os.fsdecode(name)}: {error.strerror}"
        case OSError() if not _has_working_directory():
            return "the current directory was removed; change to another one"
        case _:
            return None


def _has_working_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True
