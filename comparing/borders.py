"""The border of a module: the values that it reads from the rest of the model, and those that the rest reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import onnx

from ..graph.flat_nodes import FlatGraph
from ..graph.submodel import element_types
from ..tags.module_table import ModuleTable
from ..tags.scope import depth, is_descendant, lca
from ..tags.tag_format import Tag
from .arithmetic import arithmetic

# More nodes than a conversion puts between two values that it keeps. Not tuned.
_MAX_GROWTH = 32

_RANDOM = frozenset(
    ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)


@dataclass(frozen=True)
class Part:
    """Nodes of a model, by their positions in the main graph, and the values on their border.

    `reads` are computed by other nodes or are inputs of the graph; weights are not among them. `writes` are read by
    other nodes or are outputs of the graph.
    """

    positions: tuple[int, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Borders:
    """The borders of the modules of one model, whose nodes have unique names and tags by these names."""

    def __init__(self, model: onnx.ModelProto, tags: Mapping[str, Tag]) -> None:
        self.graph = FlatGraph.of(model.graph)
        self._computed = {name: at for at, node in enumerate(self.graph.nodes) for name in node.writes}
        self._inputs = self.graph.inputs
        self._outputs = frozenset(self.graph.outputs)
        self._types = element_types(model)
        self._readers: dict[str, list[int]] = {}
        for at, node in enumerate(self.graph.nodes):
            for name in dict.fromkeys(node.reads):
                self._readers.setdefault(name, []).append(at)
        self.scopes = [tags[node.name].scope if node.name in tags else "" for node in self.graph.nodes]

    @property
    def values(self) -> frozenset[str]:
        """The values that nodes compute."""
        return frozenset(self._computed)

    @cached_property
    def random_values(self) -> frozenset[str]:
        """The values that depend on random numbers."""
        found: set[str] = set()
        for node in self.graph.nodes:
            if node.operator in _RANDOM or not found.isdisjoint(node.reads):
                found.update(node.writes)
        return frozenset(found)

    @property
    def random_scopes(self) -> list[str]:
        """The modules that draw random numbers."""
        scopes = (scope for node, scope in zip(self.graph.nodes, self.scopes, strict=True) if node.operator in _RANDOM)
        return list(dict.fromkeys(scopes))

    def producer_scope(self, name: str) -> str | None:
        """Return the module whose node computes a value; None for an input of the graph."""
        return self.scopes[self._computed[name]] if name in self._computed else None

    def of_module(self, scope: str) -> Part:
        """Return the nodes that ran in a module or below it."""
        return self.of_nodes(at for at, own in enumerate(self.scopes) if is_descendant(own, scope))

    def of_own_nodes(self, scope: str) -> Part:
        """Return the nodes that ran in a module itself."""
        return self.of_nodes(at for at, own in enumerate(self.scopes) if own == scope)

    def of_nodes(self, positions: Iterable[int]) -> Part:
        """Return a part of the model by the positions of its nodes."""
        inside = set(positions)
        order = sorted(inside)
        nodes = [self.graph.nodes[at] for at in order]
        reads = dict.fromkeys(name for node in nodes for name in node.reads if self._comes_from_outside(name, inside))
        writes = dict.fromkeys(name for node in nodes for name in node.writes if self._is_seen_outside(name, inside))
        return Part(tuple(order), tuple(reads), tuple(writes))

    def grown(self, part: Part, is_known: Callable[[str], bool]) -> Part:
        """Return a part with the nodes around it without which nothing it reads, or nothing it writes, is known.

        The part itself is returned if that takes too many nodes.
        """
        inside = set(part.positions)
        writes = part.writes
        while writes and not any(map(is_known, writes)) and len(inside) < len(part.positions) + _MAX_GROWTH:
            inside.update(at for name in writes for at in self._readers.get(name, ()))
            writes = self.of_nodes(inside).writes
        for _ in range(_MAX_GROWTH):
            reads = self.of_nodes(inside).reads
            missing = next((name for name in reads if name in self._computed and not is_known(name)), None)
            if missing is None:
                return Part(tuple(sorted(inside)), reads, writes)
            inside.add(self._computed[missing])
        return part

    def arithmetic(self, part: Part) -> str:
        """Return in which numbers a part computes: a key of `arithmetic.THRESHOLDS_DB`."""
        nodes = [self.graph.nodes[at] for at in part.positions]
        types = (self._types[name] for node in nodes for name in (*node.reads, *node.writes) if name in self._types)
        return arithmetic((node.operator for node in nodes), types)

    def is_random(self, part: Part) -> bool:
        """Whether a part draws random numbers."""
        return any(self.graph.nodes[at].operator in _RANDOM for at in part.positions)

    def children(self, scope: str, modules: ModuleTable) -> list[str]:
        """Return the called modules right below one that have nodes, in the order of their first nodes.

        A chain of modules that only call each other counts as its lowest module.
        """
        found: list[str] = []
        groups = [dict.fromkeys(own for own in self.scopes if own != scope and is_descendant(own, scope))]
        length = depth(scope)
        while groups:
            by_atom: dict[str, dict[str, None]] = {}
            for own in groups.pop(0):
                by_atom.setdefault(_prefix(own, length + 1), {})[own] = None
            for names in by_atom.values():
                lowest = lca(names)
                module = modules.nearest_called(lowest)
                if module != scope and is_descendant(module, scope):
                    found.append(module)
                elif lowest in names:
                    # It has nodes of its own, whatever the table says.
                    found.append(lowest)
                else:
                    # A container that never runs itself.
                    groups.append(names)
            length += 1
        return found

    def _comes_from_outside(self, name: str, inside: set[int]) -> bool:
        return name in self._inputs or (name in self._computed and self._computed[name] not in inside)

    def _is_seen_outside(self, name: str, inside: set[int]) -> bool:
        return name in self._outputs or any(at not in inside for at in self._readers.get(name, ()))


def _prefix(scope: str, length: int) -> str:
    return ".".join(scope.split(".")[:length])
