"""What neighbours say is the same in a model and its reference, where no name does.

Two nodes of the same operator are the same where matched nodes read what they write at the same input, or where they
are the only ones of their kind that read a matched value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .region_index import Use
from .region_match import RegionMatch


def match_neighbours(match: RegionMatch, replaced: Collection[int]) -> None:
    """Match what is left, from every matched node and value on; `settled` nodes are left out."""
    _Propagation(match, replaced).run()


class _Propagation:
    """A walk over the values and nodes that match, which grow as it goes."""

    def __init__(self, match: RegionMatch, settled: Collection[int]) -> None:
        self._match = match
        self._replaced = settled
        self._taken = set(match.nodes.values())
        self._pending = list(match.nodes)

    def run(self) -> None:
        match = self._match
        self._from_values(list(match.values))
        while self._pending:
            index = self._pending.pop()
            for ours, theirs in zip(match.target.reads[index], match.reference.reads[match.nodes[index]], strict=False):
                self._from_reader(ours, theirs)
            self._from_values(match.target.writes[index])

    def _from_reader(self, ours: str, theirs: str) -> None:
        """Match the nodes that write what two matched nodes read at the same input."""
        match = self._match
        index, twin = match.target.writer.get(ours), match.reference.writer.get(theirs)
        if index is None or twin is None or ours in match.values:
            return
        if match.same_operator(index, twin) and match.matching_inputs(index, twin) >= 0:
            self._infer(index, twin)

    def _from_values(self, names: Iterable[str]) -> None:
        """Match nodes that read a matched value and are the only ones of their kind there."""
        match = self._match
        for name in names:
            if name not in match.values:
                continue
            ours = [use for use in match.target.readers.get(name, ()) if use.node not in match.nodes]
            if not ours:
                continue
            theirs = [use for use in match.reference.readers.get(match.values[name], ()) if use.node not in self._taken]
            for use in ours:
                fitting = [other for other in theirs if self._fits(use, other)]
                if len(fitting) == 1 and sum(self._fits(rival, fitting[0]) for rival in ours) == 1:
                    self._infer(use.node, fitting[0].node)

    def _fits(self, use: Use, other: Use) -> bool:
        match = self._match
        return (
            use.position == other.position
            and match.same_operator(use.node, other.node)
            and match.matching_inputs(use.node, other.node) >= 1
        )

    def _infer(self, index: int, twin: int) -> None:
        match = self._match
        if index in match.nodes or index in self._replaced or twin in self._taken:
            return
        self._taken.add(twin)
        match.inferred.add(index)
        match.add(index, twin)
        self._pending.append(index)
