"""What is to be done: a model, and where the result is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .location import Location


class Task(NamedTuple):
    """One model of a batch: where it is read from, and where the tagged model is written to."""

    source: Location
    target: Location
