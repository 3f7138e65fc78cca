"""The manifest: a file of JSON lines that says which models of a batch are done, so that a broken run can go on.

The first line says what the run was asked for, each other line what became of one model. A line is added as soon as its
model is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TextIO

from ..errors import HpassError, UsageError

if TYPE_CHECKING:
    from .task import Task

SCHEMA = 1
_WRITTEN = (0, 3)  # the exit statuses with which a model was written


class Entry(NamedTuple):
    """What became of one model. `version` changes if the file of the input does; `error` is empty if there was none."""

    status: int
    version: str
    output: str
    error: str = ""
    seconds: float | None = None


class Manifest:
    """A manifest that is open for writing. It is a context manager.

    `settings` is what the outputs depend on besides their inputs, as JSON. Raises UsageError if the file is another
    run's, and HpassError if it is no manifest or cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path = path
        header = {"manifest": SCHEMA, **settings}
        try:
            content = path.read_bytes() if path.exists() else b""
            # A run that was killed may have left a part of its last line.
            whole = content[: content.rfind(b"\n") + 1]
            self._entries = _read(path, whole, header) if content else {}
            self._file: TextIO = path.open("a", encoding="utf-8", newline="\n")
            self._file.truncate(len(whole))
            if not content:
                self._write(header)
        except OSError as error:
            raise HpassError(f"{path}: cannot be used as the manifest ({error.strerror or error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def written(self, task: Task, version: str) -> Entry | None:
        """Return the last entry of a model if it was written from this version of its input; None otherwise."""
        entry = self._entries.get(str(task.source))
        if entry is None or entry.status not in _WRITTEN:
            return None
        return entry if (entry.version, entry.output) == (version, str(task.target)) else None

    def add(self, task: Task, entry: Entry) -> None:
        """Add what became of a model. Raises HpassError if the file cannot be written."""
        try:
            self._write({"input": str(task.source), **entry._asdict()})
        except OSError as error:
            raise HpassError(f"{self._path}: cannot be written ({error.strerror or error})") from error

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()


def _read(path: Path, content: bytes, header: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the last entry of each model. Raises HpassError and UsageError as the class says."""
    try:
        first, *rest = [json.loads(line) for line in content.splitlines()]
        changed = [key for key in header if first["manifest"] and first.get(key) != header[key]]
        entries = {line.pop("input"): Entry(**line) for line in rest}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise HpassError(f"{path}: is not a manifest of hpass; remove it, or name another file") from error
    if changed:
        raise UsageError(
            f"{path}: the run that wrote it had other options ({', '.join(changed)}); remove it, or name another file"
        )
    return entries
