"""What neighbours say is the same in a model and its reference, where no name does.

Two nodes of the same operator are the same where matched nodes read what they write at the same input, or where they
are the only ones of their kind that read a matched value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .match import Match
from .side import Use


def match_neighbours(match: Match, settled: Collection[int]) -> None:
    """Match what is left, from every matched node and value on; `settled` nodes are left out."""
    _Walk(match, settled).run()


class _Walk:
    """A walk over the values and nodes that match, which grow as it goes."""

    def __init__(self, match: Match, settled: Collection[int]) -> None:
        self._match = match
        self._settled = settled
        self._taken = set(match.nodes.values())
        self._pending = list(match.nodes)

    def run(self) -> None:
        match = self._match
        self._from_values(list(match.values))
        while self._pending:
            index = self._pending.pop()
            for ours, theirs in zip(match.new.reads[index], match.old.reads[match.nodes[index]], strict=False):
                self._from_reader(ours, theirs)
            self._from_values(match.new.writes[index])

    def _from_reader(self, ours: str, theirs: str) -> None:
        """Match the nodes that write what two matched nodes read at the same input."""
        match = self._match
        index, twin = match.new.writer.get(ours), match.old.writer.get(theirs)
        if index is None or twin is None or ours in match.values:
            return
        if match.is_alike(index, twin) and match.agreement(index, twin) >= 0:
            self._guess(index, twin)

    def _from_values(self, names: Iterable[str]) -> None:
        """Match nodes that read a matched value and are the only ones of their kind there."""
        match = self._match
        for name in names:
            if name not in match.values:
                continue
            ours = [use for use in match.new.readers.get(name, ()) if use.node not in match.nodes]
            if not ours:
                continue
            theirs = [use for use in match.old.readers.get(match.values[name], ()) if use.node not in self._taken]
            for use in ours:
                fitting = [other for other in theirs if self._fits(use, other)]
                if len(fitting) == 1 and sum(self._fits(rival, fitting[0]) for rival in ours) == 1:
                    self._guess(use.node, fitting[0].node)

    def _fits(self, use: Use, other: Use) -> bool:
        match = self._match
        return (
            use.position == other.position
            and match.is_alike(use.node, other.node)
            and match.agreement(use.node, other.node) >= 1
        )

    def _guess(self, index: int, twin: int) -> None:
        match = self._match
        if index in match.nodes or index in self._settled or twin in self._taken:
            return
        self._taken.add(twin)
        match.guessed.add(index)
        match.pair(index, twin)
        self._pending.append(index)
