"""Counts of what passes changed in a graph."""

from __future__ import annotations

from dataclasses import astuple, dataclass


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
        return any(astuple(self))

    def __add__(self, other: Edits) -> Edits:
        return Edits(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Edits) -> Edits:
        return Edits(*(ours - theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        words = ("created", "changed", "removed", "moved", "values changed")
        return ", ".join(f"{count} {word}" for word, count in zip(words, astuple(self), strict=True) if count) or "none"
