"""The values and nodes that a target region has in common with the reference's region."""

from __future__ import annotations

from dataclasses import dataclass, field

from .region_index import RegionIndex


@dataclass
class RegionMatch:
    """Two regions and the matches found so far.

    values: the reference's name of each value of the target that is the same.
    nodes: the reference's node for each node of the target that is the same, called a kept node.
    by_neighbours: those nodes of the target that were matched by their neighbours and by no name.
    """

    reference: RegionIndex
    target: RegionIndex
    values: dict[str, str] = field(default_factory=dict[str, str])
    nodes: dict[int, int] = field(default_factory=dict[int, int])
    by_neighbours: set[int] = field(default_factory=set[int])

    def add(self, node: int, reference_node: int) -> None:
        """Match a node of the target with one of the reference, and the values that they write."""
        self.nodes[node] = reference_node
        written = zip(self.target.writes[node], self.reference.writes[reference_node], strict=False)
        for value, reference_value in written:
            if value and reference_value:
                self.values.setdefault(value, reference_value)

    def same_operator(self, node: int, reference_node: int) -> bool:
        """Whether the two nodes have the same operator."""
        return self.target.operator(node) == self.reference.operator(reference_node)

    def matching_inputs(self, node: int, reference_node: int) -> int:
        """Return the number of inputs that are matched with each other, or -1 if one is matched with another value."""
        matching = 0
        read = zip(self.target.reads[node], self.reference.reads[reference_node], strict=False)
        for value, reference_value in read:
            matched = self.values.get(value)
            if matched is None or not value:
                continue
            if matched != reference_value:
                return -1
            matching += 1
        return matching
