"""The original nodes that each node of an optimised graph replaced.

An optimiser keeps the names of most values. A node of the optimised graph replaced the original nodes that lie between
the named values that it is made from and the named values that it leads to:

    original    x -- MatMul -- m -- Add -- a -- Relu -- y
    optimised   x ---------- Gemm ----------------------- y       the Gemm replaced MatMul, Add and Relu
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

from ..graph.flat_nodes import FlatGraph, FlatNode
from .value_names import find_renames

# They depend on the shape of what they read and not on its values.
_SHAPE_OPERATORS = frozenset(("Shape", "Size"))


class Replacement(NamedTuple):
    """A node of the optimised graph and the original nodes that it replaced; empty if they are not known."""

    node: FlatNode
    replaced: tuple[FlatNode, ...]


def replacements(original: FlatGraph, optimised: FlatGraph) -> Iterator[Replacement]:
    """Yield every node of the optimised graph and of its subgraphs."""
    pending = [(original, optimised)]
    while pending:
        before, after = pending.pop()
        region = _Region(before, after)
        holders = {node.name: node for node in before.nodes if node.subgraphs}
        for node in after.nodes:
            yield Replacement(node, region.replaced_by(node))
            holder = holders.get(node.name)
            for name, graph in node.subgraphs.items():
                inner = holder.subgraphs.get(name) if holder is not None else None
                pending.append(
                    (
                        FlatGraph((), frozenset(), frozenset(), ()) if inner is None else FlatGraph.of(inner),
                        FlatGraph.of(graph),
                    )
                )


class _Region:
    """An original graph, the optimised one, and the values that both write, which survived."""

    def __init__(self, original: FlatGraph, optimised: FlatGraph) -> None:
        self._renames = find_renames(original, optimised)
        self._writer = {name: node for node in original.nodes for name in node.writes}
        self._by_name = {node.name: node for node in original.nodes}
        self._readers = _readers(original.nodes)
        self._optimised_writer = {name: node for node in optimised.nodes for name in node.writes}
        self._optimised_readers = _readers(optimised.nodes)
        written = {self._original_name(name) for name in self._optimised_writer} | optimised.given
        self._survivors = written & self._writer.keys()
        self._known = self._writer.keys() | self._readers.keys()
        self._folded = _computed_from_weights(original)
        self._claims = {node: self._claim(node) for node in self._renames.nodes}
        self._claimed = {inner for claim in self._claims.values() for inner in claim}

    def replaced_by(self, node: FlatNode) -> tuple[FlatNode, ...]:
        """Return the original nodes that a node replaced; empty if they are not known.

        A conversion of layout, which reads and writes the same original value, counts for the node that it reads from.
        """
        written = {self._original_name(name) for name in node.writes}
        for name in node.reads:
            if self._original_name(name) in written and name in self._optimised_writer:
                return self.replaced_by(self._optimised_writer[name])
        if self._claims.get(node):
            return tuple(self._claims[node])
        found = self._between(node)
        if not any(self._original_name(name) in self._survivors for name in node.writes):
            found = [inner for inner in found if inner not in self._claimed] or found
        return tuple(found)

    def _original_name(self, name: str) -> str:
        return self._renames.values.get(name, name)

    def _claim(self, node: FlatNode) -> list[FlatNode]:
        """Return what a renamed node replaced if it reads what a new node writes; else nothing.

        It is the original operator that it has the name of, and what was taken in behind that. The new node replaced
        what lies before.
        """
        new = [name for name in node.reads if name in self._optimised_writer]
        if all(self._original_name(name) in self._survivors for name in new):
            return []
        named = self._renames.nodes[node]
        found = self._between(node)
        if named not in found:
            return []
        upstream = _closure([named], lambda inner: (writer for writer in self._lost_writers(inner) if writer in found))
        first = next((inner for inner in upstream if inner.operator == node.operator), named)
        return list(_closure([first], lambda inner: self._among(inner.writes, found)))

    def _between(self, node: FlatNode) -> list[FlatNode]:
        """Return the original nodes between the named values around a node."""
        ends = self._ends(node)
        behind = _closure([self._writer[name] for name in ends], self._lost_writers)
        starts = self._starts(node)
        between = _closure(self._among(starts, behind), lambda inner: self._among(inner.writes, behind))
        found = between or behind
        if not found and node.name in self._by_name:
            return [self._by_name[node.name]]
        return [inner for inner in found if inner not in self._folded] or list(found)

    def _ends(self, node: FlatNode) -> set[str]:
        """Return the surviving values that a node leads to first, by their original names."""
        ends: set[str] = set()

        def onward(inner: FlatNode) -> Iterator[FlatNode]:
            for name in inner.writes:
                value = self._original_name(name)
                if value in self._survivors:
                    ends.add(value)
                else:
                    yield from self._optimised_readers.get(name, ())

        _closure([node], onward)
        return ends

    def _starts(self, node: FlatNode) -> set[str]:
        """Return the known values that a node is made from, by their original names."""
        starts: set[str] = set()

        def back(inner: FlatNode) -> Iterator[FlatNode]:
            for name in inner.reads:
                value = self._original_name(name)
                if value in self._survivors or (value in self._known and name not in self._optimised_writer):
                    starts.add(value)
                elif name in self._optimised_writer:
                    yield self._optimised_writer[name]

        _closure([node], back)
        return starts

    def _lost_writers(self, node: FlatNode) -> Iterator[FlatNode]:
        """Yield the writers of what an original node reads, for values that did not survive."""
        for name in node.reads:
            if name in self._writer and name not in self._survivors:
                yield self._writer[name]

    def _among(self, values: Iterable[str], nodes: Container[FlatNode]) -> list[FlatNode]:
        """Return those of some original nodes that read one of the values, other than for its shape."""
        readers = [reader for name in values for reader in self._readers.get(name, ())]
        return [reader for reader in readers if reader in nodes and reader.operator not in _SHAPE_OPERATORS]


def _computed_from_weights(graph: FlatGraph) -> set[FlatNode]:
    """Return the nodes that read nothing but weights. They run before the model does, unless they are left as they are.

    TorchScript's exporter passes a weight to modules with equal ones by an Identity, which belongs to none of them.
    """
    constant = set(graph.weights)
    found: set[FlatNode] = set()
    for node in graph.nodes:
        if node.operator == "Constant" or (node.reads and constant.issuperset(node.reads)):
            constant.update(node.writes)
            found.add(node)
    return found


def _readers(nodes: Iterable[FlatNode]) -> dict[str, list[FlatNode]]:
    readers: defaultdict[str, list[FlatNode]] = defaultdict(list)
    for node in nodes:
        for name in dict.fromkeys(node.reads):
            readers[name].append(node)
    return dict(readers)


def _closure(nodes: Iterable[FlatNode], onward: Callable[[FlatNode], Iterable[FlatNode]]) -> dict[FlatNode, None]:
    """Return all nodes that some nodes lead to, themselves included, in the order in which they were found."""
    seen = dict.fromkeys(nodes)
    pending = list(seen)
    while pending:
        for reached in onward(pending.pop()):
            if reached not in seen:
                seen[reached] = None
                pending.append(reached)
    return seen
