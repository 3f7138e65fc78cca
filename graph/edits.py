"""Counts of what passes changed in a graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edits:
    """Counts of the differences from the model that was read.

    `created`, `changed`, `removed` and `moved` count nodes. `values` counts initializers, value types and interfaces.
    """

    created: int = 0
    changed: int = 0
    removed: int = 0
    moved: int = 0
    values: int = 0

    def __bool__(self) -> bool:
        return any(self._counts())

    def __add__(self, other: Edits) -> Edits:
        return Edits(*(ours + theirs for ours, theirs in zip(self._counts(), other._counts(), strict=True)))

    def __sub__(self, other: Edits) -> Edits:
        return Edits(*(ours - theirs for ours, theirs in zip(self._counts(), other._counts(), strict=True)))

    def __str__(self) -> str:
        words = ("created", "changed", "removed", "moved", "values changed")
        return (
            ", ".join(f"{count} {word}" for word, count in zip(words, self._counts(), strict=True) if count) or "none"
        )

    def _counts(self) -> Iterator[int]:
        # dataclasses.astuple takes ten times as long, and there are edits of each function.
        yield from (self.created, self.changed, self.removed, self.moved, self.values)
