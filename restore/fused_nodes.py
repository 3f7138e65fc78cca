"""The provenance of new nodes: the nodes of the reference that a new node replaced, or those that it serves.

    reference   x -- MatMul (a.query) -- m -- Add (a.query) -- y -- Reshape (a) -- z        x and z survived
    target      x -- Reshape -- Gemm -- Reshape -- z                                        the last Reshape was kept

The first Reshape and the Gemm lead from x to what the kept Reshape reads. So did MatMul and Add in the reference, and
the target lacks them: they are what the new nodes replaced. If the reference has no such nodes, as before a
QuantizeLinear in front of a kept node, a new node serves the kept nodes that it leads to.

A value *survived* if it is matched and both regions have a node that writes it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .region_match import RegionMatch

# Maximum number of nodes between surviving values, in either region. Fusions are much smaller. Not tuned;
# 32 costs 11 tags of 46,809 after optimisers and 512 changes none.
_MAX_REGION_NODES = 128
# New nodes that replaced at most this many are known by that, and are not matched in other ways. Not tuned; 4 and 64
# change no tag.
_MAX_RELIABLE_NODES = 16
# New nodes that replaced the same, fewer nodes, at most: a quantiser makes several of one MatMul. Not tuned; 2 costs 4
# points after optimisers and 32 changes no tag.
_MAX_EXPANDED_NODES = 8
# These depend on the shape of what they read and not on its values.
_SHAPE_OPS = frozenset({"Shape", "Size"})


class Provenance(NamedTuple):
    """The nodes of the reference that a new node replaced, in order, or if not `replaced`, those that it serves."""

    nodes: tuple[int, ...]
    replaced: bool

    @property
    def verb(self) -> str:
        """What the new node does to those nodes, for people."""
        return "replaces" if self.replaced else "serves"


class FusedNodes:
    """Finds the provenance of the new nodes of a matched region, which are the target's nodes without a match."""

    def __init__(self, match: RegionMatch) -> None:
        self._match = match
        self._reference, self._target = match.reference, match.target
        self._written = {name: old for name, old in match.values.items() if name in match.target.writer}
        self._survivors = set(self._written.values()) & match.reference.writer.keys()
        self._written_by_kept = {name for kept in match.nodes.values() for name in match.reference.writes[kept]}

    def provenance(self) -> dict[int, Provenance]:
        """Return the provenance of new nodes. Nodes without enough surviving values around them are left out."""
        new = [node for node in range(len(self._target)) if node not in self._match.nodes]
        found = {node: provenance for node in new if (provenance := self.of(node)) is not None}
        counts = Counter(found.values())
        for node in new:
            # Many more new nodes than replaced ones are not one fused operation.
            if node not in found or counts[found[node]] > max(_MAX_EXPANDED_NODES, len(found[node].nodes)):
                found.pop(node, None)
                reader = self._reader_of_weights(node)
                if reader is not None:
                    found[node] = reader
        return found

    def reliably_replaced(self) -> set[int]:
        """Return the new nodes that replaced few others and are not those very nodes with renamed values."""
        groups: dict[Provenance, list[int]] = defaultdict(list)
        for node, provenance in self.provenance().items():
            if len(provenance.nodes) <= _MAX_RELIABLE_NODES:
                groups[provenance].append(node)
        return {
            node for provenance, group in groups.items() if not self._is_renamed(group, provenance) for node in group
        }

    def of(self, node: int) -> Provenance | None:
        """Return the provenance of one new node, or None if there are not enough surviving values around it."""
        try:
            return self._between_survivors(node)
        except _TooLargeError:
            return None

    def _is_renamed(self, group: list[int], provenance: Provenance) -> bool:
        """Whether the new nodes have the same operators as what they replaced."""
        return Counter(map(self._target.operator, group)) == Counter(map(self._reference.operator, provenance.nodes))

    def _reader_of_weights(self, node: int) -> Provenance | None:
        """Return the one node of the reference that reads the weights of a new one."""
        weights = (self._match.values.get(name) for name in self._target.reads[node] if name in self._target.constants)
        readers = {use.node for name in weights if name is not None for use in self._reference.readers.get(name, ())}
        return Provenance(tuple(readers), replaced=True) if len(readers) == 1 else None

    def _between_survivors(self, node: int) -> Provenance | None:
        """Return the provenance by the surviving values around a node. Raises _TooLargeError."""
        ends = self._ends(node)
        if not ends:
            return None
        kept = {self._reference.writer[name] for name in ends & self._written_by_kept}
        lost = {self._reference.writer[name] for name in ends} - kept
        before_ends = _closure(
            lost | {writer for end in kept for writer in self._lost_writers(end)}, self._lost_writers
        )
        starts = self._starts(node)
        if starts:
            between = self._made_from(starts, before_ends)
            for nodes, replaced in ((between, True), (kept, False), (before_ends, True)):
                if nodes:
                    return Provenance(tuple(sorted(nodes)), replaced)
            return None
        nodes = before_ends or kept
        return Provenance(tuple(sorted(nodes)), bool(before_ends)) if nodes else None

    def _ends(self, node: int) -> set[str]:
        """Return the surviving values that a node's result reaches first, by the reference's names.

        Paths through Shape and Size count only if there are no others.
        """
        return self._reached(node, through_shapes=False) or self._reached(node, through_shapes=True)

    def _reached(self, start: int, *, through_shapes: bool) -> set[str]:
        ends: set[str] = set()

        def onward(node: int) -> Iterable[int]:
            for name in self._target.writes[node]:
                if self._written.get(name) in self._survivors:
                    ends.add(self._written[name])
                    continue
                for use in self._target.readers.get(name, ()):
                    if through_shapes or self._target.nodes[use.node].op not in _SHAPE_OPS:
                        yield use.node

        _closure({start}, onward)
        return ends

    def _starts(self, start: int) -> set[str]:
        """Return the surviving and external values that a node's result is made from, by the reference's names."""
        starts: set[str] = set()

        def back(node: int) -> Iterable[int]:
            for name in self._target.reads[node]:
                reference_name = self._match.values.get(name)
                if reference_name in self._survivors or (
                    reference_name is not None and name in self._target.external_values
                ):
                    starts.add(reference_name)
                elif name in self._target.writer:
                    yield self._target.writer[name]

        _closure({start}, back)
        return starts

    def _lost_writers(self, node: int) -> Iterable[int]:
        """Yield the writers of what a node of the reference reads, for values that did not survive."""
        for name in self._reference.reads[node]:
            if name in self._reference.writer and name not in self._survivors:
                yield self._reference.writer[name]

    def _made_from(self, values: set[str], among: set[int]) -> set[int]:
        """Return those of some nodes of the reference that depend on some values, other than through a shape."""

        def readers(names: Iterable[str]) -> set[int]:
            uses = (use.node for name in names for use in self._reference.readers.get(name, ()))
            return {node for node in uses if node in among and self._reference.nodes[node].op not in _SHAPE_OPS}

        return _closure(readers(values), lambda node: readers(self._reference.writes[node]))


class _TooLargeError(Exception):
    """More than `_MAX_REGION_NODES` nodes are between surviving values."""


def _closure(nodes: set[int], onward: Callable[[int], Iterable[int]]) -> set[int]:
    """Return all nodes that some nodes lead to, themselves included. Raises _TooLargeError."""
    seen = set(nodes)
    pending = list(nodes)
    while pending:
        fresh = set(onward(pending.pop())) - seen
        seen |= fresh
        pending.extend(fresh)
        if len(seen) > _MAX_REGION_NODES:
            raise _TooLargeError
    return seen
