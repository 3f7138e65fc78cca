"""What a new node stands for: the nodes of the reference that it replaced, or those that it serves.

    reference    x -- MatMul (a.query) -- m -- Add (a.query) -- y -- Reshape (a) -- z       x and z are still there
    this model   x -- Reshape -- Gemm -- Reshape -- z                                       the last Reshape was kept

The first Reshape and the Gemm lead from x to what the kept Reshape reads, and so did MatMul and Add: they are replaced.
Where nothing was, as by a QuantizeLinear in front of a kept node, a new node serves the kept nodes that it leads to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .match import Match

# Regions of more nodes than this say too little about any of them.
_LARGEST = 512
# Regions of at most so many nodes are as good as a name.
_SMALL = 16
# What these write depends on the shape of what they read, not on its values.
_MEASURING = frozenset({"Shape", "Size"})


class Stand(NamedTuple):
    """Positions in the reference that a new node stands for, and whether it replaced them or only serves them."""

    nodes: tuple[int, ...]
    replaced: bool

    @property
    def verb(self) -> str:
        """What the node does to those it stands for."""
        return "replaces" if self.replaced else "serves"


class Replaced:
    """Finds what new nodes of a matched region stand for."""

    def __init__(self, match: Match) -> None:
        self._match = match
        self._old, self._new = match.old, match.new
        self._kept_here = {name: old for name, old in match.values.items() if name in match.new.writer}
        self._survivors = set(self._kept_here.values()) & match.old.writer.keys()
        self._kept = {name for twin in match.nodes.values() for name in match.old.writes[twin]}

    def settled(self) -> set[int]:
        """Return the new nodes that stand for few nodes, and are not those very nodes with their values renamed."""
        standing: dict[Stand, list[int]] = defaultdict(list)
        for index in range(len(self._new)):
            stand = None if index in self._match.nodes else self.by(index)
            if stand is not None and len(stand.nodes) <= _SMALL:
                standing[stand].append(index)
        return {index for stand, group in standing.items() if not self._is_renamed(group, stand) for index in group}

    def _is_renamed(self, group: list[int], stand: Stand) -> bool:
        return Counter(map(self._new.kind, group)) == Counter(map(self._old.kind, stand.nodes))

    def by(self, index: int) -> Stand | None:
        """Return what the new node at a position stands for; None where too little of it is known."""
        ends = self._ends(index)
        if not ends:
            return None
        kept = {self._old.writer[name] for name in ends & self._kept}
        gone = {self._old.writer[name] for name in ends} - kept
        before = self._before(gone | {writer for node in kept for writer in self._lost_writers(node)})
        starts = self._starts(index)
        if starts:
            behind = self._behind(starts, before)
            for nodes, replaced in ((behind, True), (kept, False), (before, True)):
                if nodes:
                    return Stand(tuple(sorted(nodes)), replaced)
            return None
        nodes = before or kept
        return Stand(tuple(sorted(nodes)), bool(before)) if nodes else None

    def _ends(self, index: int) -> set[str]:
        """Return the old names of the surviving values that a node's result reaches first."""
        return self._reached(index, measuring=False) or self._reached(index, measuring=True)

    def _reached(self, index: int, *, measuring: bool) -> set[str]:
        ends: set[str] = set()

        def onward(node: int) -> Iterable[int]:
            for name in self._new.writes[node]:
                if self._kept_here.get(name) in self._survivors:
                    ends.add(self._kept_here[name])
                    continue
                for use in self._new.readers.get(name, ()):
                    if measuring or self._new.nodes[use.node].op not in _MEASURING:
                        yield use.node

        return set() if _closure({index}, onward) is None else ends

    def _starts(self, index: int) -> set[str]:
        """Return the old names of the surviving values, and of those given, that a node's result is made from."""
        starts: set[str] = set()

        def back(node: int) -> Iterable[int]:
            for name in self._new.reads[node]:
                old = self._match.values.get(name)
                if old in self._survivors or (old is not None and name in self._new.given):
                    starts.add(old)
                elif name in self._new.writer:
                    yield self._new.writer[name]

        return set() if _closure({index}, back) is None else starts

    def _lost_writers(self, node: int) -> Iterable[int]:
        """Yield the old nodes that write what an old node reads, where the value did not survive."""
        for name in self._old.reads[node]:
            if name in self._old.writer and name not in self._survivors:
                yield self._old.writer[name]

    def _before(self, nodes: set[int]) -> set[int]:
        """Return old nodes with all that lead to them from the last surviving values."""
        return _closure(nodes, self._lost_writers) or set()

    def _behind(self, starts: set[str], among: set[int]) -> set[int]:
        """Return those of some old nodes whose results are made from some values."""

        def readers(names: Iterable[str]) -> set[int]:
            uses = (use.node for name in names for use in self._old.readers.get(name, ()))
            return {node for node in uses if node in among and self._old.nodes[node].op not in _MEASURING}

        return _closure(readers(starts), lambda node: readers(self._old.writes[node])) or set()


def _closure(nodes: set[int], onward: Callable[[int], Iterable[int]]) -> set[int] | None:
    """Return all nodes that some lead to, themselves included; None where there are too many."""
    seen = set(nodes)
    pending = list(nodes)
    while pending:
        fresh = set(onward(pending.pop())) - seen
        seen |= fresh
        pending.extend(fresh)
        if len(seen) > _LARGEST:
            return None
    return seen
