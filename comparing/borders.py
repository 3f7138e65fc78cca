"""The border of a module: the values that it reads from the rest of the model, and those that the rest reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import onnx

from ..graph.flat_nodes import FlatGraph
from ..tags.module_table import ModuleTable, depth, is_descendant, lca
from ..tags.tag_format import Tag


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
        self._readers: dict[str, list[int]] = {}
        for at, node in enumerate(self.graph.nodes):
            for name in dict.fromkeys(node.reads):
                self._readers.setdefault(name, []).append(at)
        self._scopes = [tags[node.name].scope if node.name in tags else "" for node in self.graph.nodes]

    def of_module(self, scope: str) -> Part:
        """Return the nodes that ran in a module or below it."""
        return self.of_nodes(at for at, own in enumerate(self._scopes) if is_descendant(own, scope))

    def of_own_nodes(self, scope: str) -> Part:
        """Return the nodes that ran in a module itself."""
        return self.of_nodes(at for at, own in enumerate(self._scopes) if own == scope)

    def of_nodes(self, positions: Iterable[int]) -> Part:
        """Return a part of the model by the positions of its nodes."""
        inside = set(positions)
        order = sorted(inside)
        nodes = [self.graph.nodes[at] for at in order]
        reads = dict.fromkeys(name for node in nodes for name in node.reads if self._comes_from_outside(name, inside))
        writes = dict.fromkeys(name for node in nodes for name in node.writes if self._is_seen_outside(name, inside))
        return Part(tuple(order), tuple(reads), tuple(writes))

    def children(self, scope: str, modules: ModuleTable) -> list[str]:
        """Return the called modules right below one that have nodes, in the order of their first nodes.

        A chain of modules that only call each other counts as its lowest module.
        """
        found: list[str] = []
        groups = [dict.fromkeys(own for own in self._scopes if own != scope and is_descendant(own, scope))]
        length = depth(scope)
        while groups:
            by_atom: dict[str, dict[str, None]] = {}
            for own in groups.pop(0):
                by_atom.setdefault(_prefix(own, length + 1), {})[own] = None
            for names in by_atom.values():
                module = modules.nearest_called(lca(names))
                if module != scope and is_descendant(module, scope):
                    found.append(module)
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
