"""The correspondence of a region with that of its reference: values and nodes that are the same."""

from __future__ import annotations

from dataclasses import dataclass, field

from .side import Side


@dataclass
class Match:
    """A region (`new`) beside that of the reference (`old`).

    `values` holds the old name of each new value that is known to be the same, `nodes` the old position of each kept
    node, `guessed` those of them that no name vouches for.
    """

    old: Side
    new: Side
    values: dict[str, str] = field(default_factory=dict[str, str])
    nodes: dict[int, int] = field(default_factory=dict[int, int])
    guessed: set[int] = field(default_factory=set[int])

    def pair(self, index: int, twin: int) -> None:
        """Note that a new node is an old one, and so what they write."""
        self.nodes[index] = twin
        for ours, theirs in zip(self.new.writes[index], self.old.writes[twin], strict=False):
            if ours and theirs:
                self.values.setdefault(ours, theirs)

    def is_alike(self, index: int, twin: int) -> bool:
        """Whether two nodes have the same operator."""
        return self.new.kind(index) == self.old.kind(twin)

    def agreement(self, index: int, twin: int) -> int:
        """Return how many inputs of two nodes are known to be the same; -1 where one is known to be another."""
        same = 0
        for ours, theirs in zip(self.new.reads[index], self.old.reads[twin], strict=False):
            known = self.values.get(ours)
            if known is None or not ours:
                continue
            if known != theirs:
                return -1
            same += 1
        return same
