"""What the system says of a file that cannot be written, in one line."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...errors import HpassError


@contextmanager
def refuse_to_write(path: Path | str) -> Generator[None]:
    """Turn an OSError of the block into an HpassError that names what was to be written."""
    try:
        yield
    except OSError as error:
        raise HpassError(f"{path}: cannot be written ({error.strerror or error})") from error
