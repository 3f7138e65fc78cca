"""The outcome of one input of `hpass run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..batch.location import Location
    from .summary import TaggedFile


@dataclass(frozen=True)
class Outcome:
    """The outcome of one input.

    `status` is the exit code. `tagged_file` is None and `error` is set if the file was not tagged; `traceback` is set
    if the reason is a bug. `report` is JSON text, empty unless `--json` is given.
    """

    source: Location
    status: int
    tagged_file: TaggedFile | None = None
    report: str = ""
    error: str = ""
    traceback: str = ""
