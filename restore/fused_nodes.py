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

from .region_match import RegionMatch

# So many nodes may lie between values that survived, before or now; what optimisers fuse is far less.
_MAX_REGION_NODES = 128
# Regions of at most so many nodes are as good as a name.
_MAX_RELIABLE_NODES = 16
# So many new nodes may take the place of fewer old ones: what a quantiser makes of one product.
_MAX_EXPANDED_NODES = 8
# What these write depends on the shape of what they read, not on its values.
_SHAPE_OPS = frozenset({"Shape", "Size"})


class Provenance(NamedTuple):
    """Positions in the reference that a new node stands for, and whether it replaced them or only serves them."""

    nodes: tuple[int, ...]
    replaced: bool

    @property
    def verb(self) -> str:
        """What the node does to those it stands for."""
        return "replaces" if self.replaced else "serves"


class FusedNodes:
    """Finds what new nodes of a matched region stand for."""

    def __init__(self, match: RegionMatch) -> None:
        self._match = match
        self._old, self._new = match.reference, match.target
        self._kept_here = {name: old for name, old in match.values.items() if name in match.target.writer}
        self._survivors = set(self._kept_here.values()) & match.reference.writer.keys()
        self._kept = {name for twin in match.nodes.values() for name in match.reference.writes[twin]}

    def provenance(self) -> dict[int, Provenance]:
        """Return what new nodes stand for; those are left out around which too little is known."""
        new = [index for index in range(len(self._new)) if index not in self._match.nodes]
        found = {index: stand for index in new if (stand := self.of(index)) is not None}
        counts = Counter(found.values())
        for index in new:
            # More nodes than before, between values that far apart, are not one fused operation.
            if index not in found or counts[found[index]] > max(_MAX_EXPANDED_NODES, len(found[index].nodes)):
                found.pop(index, None)
                reader = self._reader_of_weights(index)
                if reader is not None:
                    found[index] = reader
        return found

    def reliably_replaced(self) -> set[int]:
        """Return the new nodes that stand for few nodes, and are not those very nodes with their values renamed."""
        standing: dict[Provenance, list[int]] = defaultdict(list)
        for index, stand in self.provenance().items():
            if len(stand.nodes) <= _MAX_RELIABLE_NODES:
                standing[stand].append(index)
        return {index for stand, group in standing.items() if not self._is_renamed(group, stand) for index in group}

    def _is_renamed(self, group: list[int], stand: Provenance) -> bool:
        return Counter(map(self._new.operator, group)) == Counter(map(self._old.operator, stand.nodes))

    def _reader_of_weights(self, index: int) -> Provenance | None:
        """Return the one old node that reads the weights of a new one."""
        weights = (self._match.values.get(name) for name in self._new.reads[index] if name in self._new.constants)
        readers = {use.node for name in weights if name is not None for use in self._old.readers.get(name, ())}
        return Provenance(tuple(readers), replaced=True) if len(readers) == 1 else None

    def of(self, index: int) -> Provenance | None:
        """Return what the new node at a position stands for; None where too little around it is known."""
        try:
            return self._stand(index)
        except _TooLargeError:
            return None

    def _stand(self, index: int) -> Provenance | None:
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
                    return Provenance(tuple(sorted(nodes)), replaced)
            return None
        nodes = before or kept
        return Provenance(tuple(sorted(nodes)), bool(before)) if nodes else None

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
                    if measuring or self._new.nodes[use.node].op not in _SHAPE_OPS:
                        yield use.node

        _closure({index}, onward)
        return ends

    def _starts(self, index: int) -> set[str]:
        """Return the old names of the surviving values, and of those given, that a node's result is made from."""
        starts: set[str] = set()

        def back(node: int) -> Iterable[int]:
            for name in self._new.reads[node]:
                old = self._match.values.get(name)
                if old in self._survivors or (old is not None and name in self._new.external_values):
                    starts.add(old)
                elif name in self._new.writer:
                    yield self._new.writer[name]

        _closure({index}, back)
        return starts

    def _lost_writers(self, node: int) -> Iterable[int]:
        """Yield the old nodes that write what an old node reads, where the value did not survive."""
        for name in self._old.reads[node]:
            if name in self._old.writer and name not in self._survivors:
                yield self._old.writer[name]

    def _before(self, nodes: set[int]) -> set[int]:
        """Return old nodes with all that lead to them from the last surviving values."""
        return _closure(nodes, self._lost_writers)

    def _behind(self, starts: set[str], among: set[int]) -> set[int]:
        """Return those of some old nodes whose results are made from some values."""

        def readers(names: Iterable[str]) -> set[int]:
            uses = (use.node for name in names for use in self._old.readers.get(name, ()))
            return {node for node in uses if node in among and self._old.nodes[node].op not in _SHAPE_OPS}

        return _closure(readers(starts), lambda node: readers(self._old.writes[node]))


class _TooLargeError(Exception):
    """So many nodes lie between values that survived that they say too little about any of them."""


def _closure(nodes: set[int], onward: Callable[[int], Iterable[int]]) -> set[int]:
    """Return all nodes that some lead to, themselves included. Raises _TooLargeError."""
    seen = set(nodes)
    pending = list(nodes)
    while pending:
        fresh = set(onward(pending.pop())) - seen
        seen |= fresh
        pending.extend(fresh)
        if len(seen) > _MAX_REGION_NODES:
            raise _TooLargeError
    return seen
