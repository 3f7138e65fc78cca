"""The nodes of one region and the values between them, as arrays."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx_graphsurgeon as gs

from ..graph.operators import is_auxiliary
from ..identity_map import IdentityMap
from .scope_tree import Ids


class Role(IntEnum):
    """What a node does for the module around it; evidence weighs differently for each role."""

    CONSTANT = 0
    SHAPE_SOURCE = 1
    SHAPE_ARITHMETIC = 2
    RESHAPING = 3
    PERMUTING = 4
    SELECTING = 5
    CONVERTING = 6
    MATRIX = 7
    VECTOR = 8
    UNARY = 9
    JOINING = 10


_SHAPE_OPS = frozenset({"Shape", "Size"})
_RESHAPE_OPS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"})
_PERMUTE_OPS = frozenset({"Transpose", "DepthToSpace", "SpaceToDepth"})
_SELECT_OPS = frozenset(
    {"Slice", "Gather", "GatherElements", "GatherND", "Split", "Concat", "Pad", "ScatterND", "ScatterElements"}
)


class Dataflow:
    """A region's nodes in file order, its edges (producer -> consumer, each once), and every node's role."""

    def __init__(self, nodes: list[gs.Node]) -> None:
        self.nodes = nodes
        self.ops = [node.op for node in nodes]
        positions: IdentityMap[gs.Node, int] = IdentityMap()
        for index, node in enumerate(nodes):
            positions[node] = index
        sources: list[int] = []
        targets: list[int] = []
        rank = [-1] * len(nodes)
        for index, node in enumerate(nodes):
            seen: set[int] = set()
            for tensor in node.inputs:
                if isinstance(tensor, gs.Constant):
                    rank[index] = max(rank[index], len(tensor.shape))
                    continue
                for producer in tensor.inputs:
                    source = positions.get(producer)
                    if source is not None and source not in seen:
                        seen.add(source)
                        sources.append(source)
                        targets.append(index)
        self.sources: Ids = np.array(sources, np.int64)
        self.targets: Ids = np.array(targets, np.int64)
        self._constant_rank: list[int] = rank

    def __len__(self) -> int:
        return len(self.ops)

    @cached_property
    def operator_names(self) -> list[str]:
        """The operators, each once."""
        return list(dict.fromkeys(self.ops))

    @cached_property
    def operators(self) -> Ids:
        """The place of each node's operator among `operator_names`."""
        numbers = {op: number for number, op in enumerate(self.operator_names)}
        return np.array([numbers[op] for op in self.ops], np.int64)

    @cached_property
    def role(self) -> Ids:
        """The `Role` of each node."""
        roles = np.empty(len(self.nodes), np.int64)
        inputs = self.inputs
        weight_rank = list(self._constant_rank)
        is_free = np.zeros(len(self.nodes), np.bool_)
        is_shape = np.zeros(len(self.nodes), np.bool_)
        for index, node in enumerate(self.nodes):
            producers = inputs[index]
            fed = bool(producers) or any(isinstance(tensor, gs.Variable) and tensor.name for tensor in node.inputs)
            active = [producer for producer in producers if not is_free[producer]]
            # A weight may come through operations that only hand it on, all of them free of the data.
            for producer in producers:
                if is_free[producer]:
                    weight_rank[index] = max(weight_rank[index], weight_rank[producer])
            if not fed or (producers and not active and not _reads_outside(node)):
                is_free[index] = True
                roles[index] = Role.CONSTANT
            elif node.op in _SHAPE_OPS:
                is_shape[index] = True
                roles[index] = Role.SHAPE_SOURCE
            elif active and all(is_shape[producer] for producer in active):
                is_shape[index] = True
                roles[index] = Role.SHAPE_ARITHMETIC
            else:
                roles[index] = _data_role(node, weight_rank[index], len(active))
        return roles

    def release(self) -> None:
        """Let go of the graph, having looked at all of it."""
        _ = self.role, self.operators, self.consumers
        self.nodes = []

    @cached_property
    def inputs(self) -> list[list[int]]:
        """The producers of each node's inputs."""
        return _grouped(self.targets, self.sources, len(self.ops))

    @cached_property
    def consumers(self) -> list[list[int]]:
        """The consumers of each node's outputs."""
        return _grouped(self.sources, self.targets, len(self.ops))


def _data_role(node: gs.Node, weight_rank: int, active: int) -> Role:
    """Return the role of a node that handles the data itself."""
    if is_auxiliary(node) and not (node.op == "Gather" and weight_rank > 1):
        if node.op in _RESHAPE_OPS:
            return Role.RESHAPING
        if node.op in _PERMUTE_OPS:
            return Role.PERMUTING
        return Role.SELECTING if node.op in _SELECT_OPS else Role.CONVERTING
    if weight_rank > 1:
        return Role.MATRIX
    if weight_rank == 1:
        return Role.VECTOR
    return Role.UNARY if active <= 1 else Role.JOINING


def _reads_outside(node: gs.Node) -> bool:
    """Whether a node reads a value that no node of the region writes: an input of the graph, an outer value."""
    return any(isinstance(tensor, gs.Variable) and tensor.name and not tensor.inputs for tensor in node.inputs)


def _grouped(keys: npt.NDArray[np.int64], values: npt.NDArray[np.int64], size: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(size)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        found[key].append(value)
    return found
