"""The nodes of one region and the values between them, as arrays."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx_graphsurgeon as gs

from ..graph.identity import IdentityMap
from ..graph.operators import is_auxiliary
from .tree import Flags, Ids


class Role(IntEnum):
    """What a node does for the module around it; evidence weighs differently for each role."""

    CONSTANT = 0
    SHAPE = 1
    LAYOUT = 2
    WEIGHTED = 3
    UNARY = 4
    JOINING = 5


_MEASURING = frozenset({"Shape", "Size"})


class Flow:
    """A region's nodes in file order, its edges (producer -> consumer, each once), and every node's role."""

    def __init__(self, nodes: list[gs.Node]) -> None:
        self.nodes = nodes
        self.ops = [node.op for node in nodes]
        positions: IdentityMap[gs.Node, int] = IdentityMap()
        for index, node in enumerate(nodes):
            positions[node] = index
        sources: list[int] = []
        targets: list[int] = []
        weighted = np.zeros(len(nodes), np.bool_)
        for index, node in enumerate(nodes):
            seen: set[int] = set()
            for tensor in node.inputs:
                if isinstance(tensor, gs.Constant):
                    weighted[index] |= len(tensor.shape) > 0
                    continue
                for producer in tensor.inputs:
                    source = positions.get(producer)
                    if source is not None and source not in seen:
                        seen.add(source)
                        sources.append(source)
                        targets.append(index)
        self.sources: Ids = np.array(sources, np.int64)
        self.targets: Ids = np.array(targets, np.int64)
        self.weighted: Flags = weighted

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def operators(self) -> Ids:
        """A number for each node's operator."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(op, len(numbers)) for op in self.ops], np.int64)

    @cached_property
    def role(self) -> Ids:
        """The `Role` of each node."""
        roles = np.empty(len(self.nodes), np.int64)
        inputs = self.inputs
        is_free = np.zeros(len(self.nodes), np.bool_)
        is_shape = np.zeros(len(self.nodes), np.bool_)
        for index, node in enumerate(self.nodes):
            producers = inputs[index]
            fed = bool(producers) or any(
                isinstance(tensor, gs.Variable) and tensor.name for tensor in node.inputs
            )
            active = [producer for producer in producers if not is_free[producer]]
            if not fed or (producers and not active and not _reads_outside(node, producers)):
                is_free[index] = True
                roles[index] = Role.CONSTANT
            elif node.op in _MEASURING or (active and all(is_shape[producer] for producer in active)):
                is_shape[index] = True
                roles[index] = Role.SHAPE
            elif is_auxiliary(node) and not (node.op == "Gather" and self.weighted[index]):
                roles[index] = Role.LAYOUT
            elif self.weighted[index]:
                roles[index] = Role.WEIGHTED
            else:
                roles[index] = Role.UNARY if len(active) <= 1 else Role.JOINING
        return roles

    @cached_property
    def inputs(self) -> list[list[int]]:
        """The producers of each node's inputs."""
        return _lists(self.targets, self.sources, len(self.nodes))

    @cached_property
    def consumers(self) -> list[list[int]]:
        """The consumers of each node's outputs."""
        return _lists(self.sources, self.targets, len(self.nodes))


def _reads_outside(node: gs.Node, producers: list[int]) -> bool:
    """Whether a node reads a value that no node of the region writes: an input of the graph, an outer value."""
    read = sum(1 for tensor in node.inputs if isinstance(tensor, gs.Variable) and tensor.name and not tensor.inputs)
    return read > 0 and bool(producers)


def _lists(keys: npt.NDArray[np.int64], values: npt.NDArray[np.int64], size: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(size)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        found[key].append(value)
    return found
