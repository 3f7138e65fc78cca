"""Which nodes and values of a model are still those of its reference.

Optimisers keep the names of most values. A node that writes a value of the same name with the same operator was kept;
one with another operator was replaced, though the value is the same. Where values were renamed, names of nodes, weights
of the same content and the neighbours of what is found already lead on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .side import Side, Use

# Exporters number values (`val_12`), so that in models of different versions the same name means another value. Of the
# values that readers of known weights write, at most so many may be others in the reference, for each that is the same.
_BROKEN = 0.3
# At most so many nodes are looked at that may have become one.
_FUSED = 64


@dataclass
class Match:
    """The correspondence of a region (`new`) with that of the reference (`old`).

    `values` holds the old name of each new value that is known to be the same, `nodes` the old position of each kept
    node, `guessed` those of them that no name vouches for.
    """

    old: Side
    new: Side
    values: dict[str, str] = field(default_factory=dict)
    nodes: dict[int, int] = field(default_factory=dict)
    guessed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, old: Side, new: Side, weights: Mapping[str, str]) -> Match:
        """Match two regions; `weights` are further constants that are the same: new name -> old name."""
        match = cls(old, new)
        match._by_value_names(weights)
        match._by_node_names()
        match._by_neighbours()
        return match

    def _by_value_names(self, weights: Mapping[str, str]) -> None:
        old, new = self.old, self.new
        self.values.update({name: name for name in new.given & old.given})
        self.values.update({name: name for name in new.constants & old.constants})
        self.values.update({name: weights[name] for name in new.constants & weights.keys()})
        written = {name: (index, old.writer[name]) for name, index in new.writer.items() if name in old.writer}
        alike = {name: pair for name, pair in written.items() if self._is_alike(*pair)}
        if not self._names_hold():
            # What reads a weight of the same name is the same all the same.
            written = alike = {name: pair for name, pair in alike.items() if self._read_same_weight(*pair)}
        self.values.update({name: name for name in written})
        for index, twin in alike.values():
            self.nodes.setdefault(index, twin)

    def _names_hold(self) -> bool:
        """Whether the readers of weights that are the same write values that are the same, by their names."""
        held = broken = 0
        for name, known in self.values.items():
            if name not in self.new.constants:
                continue
            reached = self._replaced_from({use.node for use in self.old.readers[known]})
            for use in self.new.readers[name]:
                for value in self.new.writes[use.node]:
                    if value in self.old.writer:
                        held += self.old.writer[value] in reached
                        broken += self.old.writer[value] not in reached
        return broken <= _BROKEN * held

    def _replaced_from(self, nodes: set[int]) -> set[int]:
        """Return old nodes with those that they lead to through values that are gone: what may be one node now."""
        reached, pending = set(nodes), list(nodes)
        while pending and len(reached) < _FUSED:
            lost = (value for value in self.old.writes[pending.pop()] if value not in self.new.writer)
            fresh = {use.node for value in lost for use in self.old.readers.get(value, ())} - reached
            reached |= fresh
            pending.extend(fresh)
        return reached

    def _read_same_weight(self, index: int, twin: int) -> bool:
        known = {self.values[name] for name in self.new.reads[index] if name in self.new.constants & self.values.keys()}
        return not known.isdisjoint(self.old.reads[twin])

    def _by_node_names(self) -> None:
        """Match renamed values by the names of the nodes that write them, where those are unique."""
        old, new = self.old, self.new
        counts = Counter(node.name for node in old.nodes)
        known = {node.name: index for index, node in enumerate(old.nodes) if node.name and counts[node.name] == 1}
        taken = set(self.nodes.values())
        for index, node in enumerate(new.nodes):
            twin = known.get(node.name)
            if twin is None or index in self.nodes or twin in taken or not self._is_alike(index, twin):
                continue
            if any(name in self.values or name in old.writer for name in new.writes[index]):
                continue
            if self._agreement(index, twin) > 0:
                taken.add(twin)
                self._pair(index, twin)

    def _by_neighbours(self) -> None:
        """Match what is left by its neighbours, from every matched node and value on."""
        taken = set(self.nodes.values())
        pending = list(self.nodes)
        self._from_values(list(self.values), taken, pending)
        while pending:
            index = pending.pop()
            twin = self.nodes[index]
            for ours, theirs in zip(self.new.reads[index], self.old.reads[twin], strict=False):
                self._writers(ours, theirs, taken, pending)
            self._from_values(self.new.writes[index], taken, pending)

    def _writers(self, ours: str, theirs: str, taken: set[int], pending: list[int]) -> None:
        """Match the nodes that write what two matched nodes read at the same input."""
        index, twin = self.new.writer.get(ours), self.old.writer.get(theirs)
        if index is None or twin is None or ours in self.values or index in self.nodes or twin in taken:
            return
        if self._is_alike(index, twin) and self._agreement(index, twin) >= 0:
            self._guess(index, twin, taken, pending)

    def _from_values(self, names: list[str], taken: set[int], pending: list[int]) -> None:
        """Match nodes that read a matched value and are the only ones of their kind there."""
        for name in names:
            if name not in self.values:
                continue
            ours = [use for use in self.new.readers.get(name, ()) if use.node not in self.nodes]
            if not ours:
                continue
            theirs = [use for use in self.old.readers.get(self.values[name], ()) if use.node not in taken]
            for use in ours:
                fitting = [other for other in theirs if self._fits(use, other)]
                if len(fitting) == 1 and sum(self._fits(rival, fitting[0]) for rival in ours) == 1:
                    self._guess(use.node, fitting[0].node, taken, pending)

    def _fits(self, use: Use, other: Use) -> bool:
        return (
            use.position == other.position
            and self._is_alike(use.node, other.node)
            and self._agreement(use.node, other.node) >= 1
        )

    def _guess(self, index: int, twin: int, taken: set[int], pending: list[int]) -> None:
        if index in self.nodes or twin in taken:
            return
        taken.add(twin)
        self.guessed.add(index)
        self._pair(index, twin)
        pending.append(index)

    def _pair(self, index: int, twin: int) -> None:
        self.nodes[index] = twin
        for ours, theirs in zip(self.new.writes[index], self.old.writes[twin], strict=False):
            if ours and theirs:
                self.values.setdefault(ours, theirs)

    def _is_alike(self, index: int, twin: int) -> bool:
        return self.new.kind(index) == self.old.kind(twin)

    def _agreement(self, index: int, twin: int) -> int:
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
