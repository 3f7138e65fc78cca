"""Report a file that cannot be written in one line."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...errors import HpassError


@contextmanager
def translate_write_errors(path: Path | str) -> Generator[None]:
    """Return a context that turns an OSError into an HpassError that names the file to write."""
    try:
        yield
    except OSError as error:
        raise HpassError(f"{path}: cannot be written ({error.strerror or error})") from error
