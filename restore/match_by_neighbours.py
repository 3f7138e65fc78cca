"""Matching of nodes by their neighbours, for nodes that no name matches.

Two nodes of the same operator match if matched nodes read their results at the same input, or if they are the only
nodes of their operator that read a matched value at the same input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .region_index import Use
from .region_match import RegionMatch


def match_neighbours(match: RegionMatch, replaced: Collection[int]) -> None:
    """Match nodes by their neighbours, starting from all matches so far. Nodes in `replaced` are left out."""
    _Propagation(match, replaced).run()


class _Propagation:
    """A worklist of matched nodes; each new match is added to it."""

    def __init__(self, match: RegionMatch, replaced: Collection[int]) -> None:
        self._match = match
        self._replaced = replaced
        self._taken = set(match.nodes.values())
        self._pending = list(match.nodes)

    def run(self) -> None:
        match = self._match
        self._match_readers(list(match.values))
        while self._pending:
            node = self._pending.pop()
            read = zip(match.target.reads[node], match.reference.reads[match.nodes[node]], strict=False)
            for value, reference_value in read:
                self._match_writers(value, reference_value)
            self._match_readers(match.target.writes[node])

    def _match_writers(self, value: str, reference_value: str) -> None:
        """Match the writers of two values that matched nodes read at the same input."""
        match = self._match
        node, reference_node = match.target.writer.get(value), match.reference.writer.get(reference_value)
        if node is None or reference_node is None or value in match.values:
            return
        if match.same_operator(node, reference_node) and match.matching_inputs(node, reference_node) >= 0:
            self._add(node, reference_node)

    def _match_readers(self, values: Iterable[str]) -> None:
        """Match the readers of matched values that fit each other and no other one."""
        match = self._match
        for value in values:
            if value not in match.values:
                continue
            uses = [use for use in match.target.readers.get(value, ()) if use.node not in match.nodes]
            if not uses:
                continue
            reference_uses = [
                use for use in match.reference.readers.get(match.values[value], ()) if use.node not in self._taken
            ]
            for use in uses:
                fitting = [other for other in reference_uses if self._fits(use, other)]
                if len(fitting) == 1 and sum(self._fits(rival, fitting[0]) for rival in uses) == 1:
                    self._add(use.node, fitting[0].node)

    def _fits(self, use: Use, reference_use: Use) -> bool:
        return (
            use.input == reference_use.input
            and self._match.same_operator(use.node, reference_use.node)
            and self._match.matching_inputs(use.node, reference_use.node) >= 1
        )

    def _add(self, node: int, reference_node: int) -> None:
        match = self._match
        if node in match.nodes or node in self._replaced or reference_node in self._taken:
            return
        self._taken.add(reference_node)
        match.by_neighbours.add(node)
        match.add(node, reference_node)
        self._pending.append(node)
