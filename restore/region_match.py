"""The correspondence of a region with that of its reference: values and nodes that are the same."""

from __future__ import annotations

from dataclasses import dataclass, field

from .region_index import RegionIndex


@dataclass
class RegionMatch:
    """A region (`new`) beside that of the reference (`old`).

    `values` holds the old name of each new value that is known to be the same, `nodes` the old position of each kept
    node, `guessed` those of them that no name vouches for.
    """

    reference: RegionIndex
    target: RegionIndex
    values: dict[str, str] = field(default_factory=dict[str, str])
    nodes: dict[int, int] = field(default_factory=dict[int, int])
    inferred: set[int] = field(default_factory=set[int])

    def add(self, index: int, twin: int) -> None:
        """Note that a new node is an old one, and so what they write."""
        self.nodes[index] = twin
        for ours, theirs in zip(self.target.writes[index], self.reference.writes[twin], strict=False):
            if ours and theirs:
                self.values.setdefault(ours, theirs)

    def same_operator(self, index: int, twin: int) -> bool:
        """Whether two nodes have the same operator."""
        return self.target.operator(index) == self.reference.operator(twin)

    def matching_inputs(self, index: int, twin: int) -> int:
        """Return how many inputs of two nodes are known to be the same; -1 where one is known to be another."""
        same = 0
        for ours, theirs in zip(self.target.reads[index], self.reference.reads[twin], strict=False):
            known = self.values.get(ours)
            if known is None or not ours:
                continue
            if known != theirs:
                return -1
            same += 1
        return same
