"""The dataflow of one region as arrays: operators, edges between nodes, and the role of each node."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property

import numpy as np
import onnx_graphsurgeon as gs

from ..evidence.node_names import aten_operator
from ..graph.operators import is_auxiliary
from ..identity_map import IdentityMap
from .arrays import Ids, as_ints


class Role(IntEnum):
    """What a node does with the data. The scoring model has coefficients of its own for each role.

    The first rule that holds gives the role.
    """

    CONSTANT = 0
    """Depends on no input of the region."""
    SHAPE_SOURCE = 1
    """Reads the shape of a value: Shape, Size."""
    SHAPE_ARITHMETIC = 2
    """Depends on the other nodes through their shapes only."""
    RESHAPING = 3
    PERMUTING = 4
    SELECTING = 5
    CONVERTING = 6
    """An auxiliary operation (`graph/operators.py`) that is none of the three before."""
    MATRIX = 7
    """Reads a constant of rank 2 or more, usually a weight."""
    VECTOR = 8
    """Reads a constant of rank 1, usually a bias or a scale."""
    UNARY = 9
    """Reads at most one value that another node of the region computes from data."""
    JOINING = 10
    """Reads several of them."""


_SHAPE_OPS = frozenset({"Shape", "Size"})
_RESHAPE_OPS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"})
_PERMUTE_OPS = frozenset({"Transpose", "DepthToSpace", "SpaceToDepth"})
_SELECT_OPS = frozenset(
    {"Slice", "Gather", "GatherElements", "GatherND", "Split", "Concat", "Pad", "ScatterND", "ScatterElements"}
)

# Shorter names (`add`, `mul`, `cat`) are parts of many names of classes. Not tuned.
_MIN_ATEN_LETTERS = 4


class Dataflow:
    """The nodes of a region, numbered in the order given, and the edges between them.

    `sources` and `targets` are the producer and the consumer of each edge: int64, shape (edges,), no edge twice, in
    the order of consumers. Edges to and from subgraphs and other regions are left out. `aten_operators` holds for each
    node the operator of ATen that it is named after, or None.
    """

    def __init__(self, nodes: list[gs.Node]) -> None:
        self.nodes = nodes
        self.ops = [node.op for node in nodes]
        self.aten_operators = [_aten_operator(node) for node in nodes]
        positions: IdentityMap[gs.Node, int] = IdentityMap()
        for index, node in enumerate(nodes):
            positions[node] = index
        sources: list[int] = []
        targets: list[int] = []
        constant_rank = [-1] * len(nodes)
        for index, node in enumerate(nodes):
            seen: set[int] = set()
            for tensor in node.inputs:
                if isinstance(tensor, gs.Constant):
                    constant_rank[index] = max(constant_rank[index], len(tensor.shape))
                    continue
                for producer in tensor.inputs:
                    source = positions.get(producer)
                    if source is not None and source not in seen:
                        seen.add(source)
                        sources.append(source)
                        targets.append(index)
        self.sources: Ids = np.array(sources, np.int64)
        self.targets: Ids = np.array(targets, np.int64)
        self._constant_rank = constant_rank

    def __len__(self) -> int:
        return len(self.ops)

    @cached_property
    def operator_names(self) -> list[str]:
        """The operators of the region, each once."""
        return list(dict.fromkeys(self.ops))

    @cached_property
    def operator(self) -> Ids:
        """The index in `operator_names` of each node's operator, shape (nodes,)."""
        numbers = {op: number for number, op in enumerate(self.operator_names)}
        return np.array([numbers[op] for op in self.ops], np.int64)

    @cached_property
    def producers(self) -> list[list[int]]:
        """The nodes that each node reads from."""
        return _grouped(self.targets, self.sources, len(self.ops))

    @cached_property
    def consumers(self) -> list[list[int]]:
        """The nodes that read from each node."""
        return _grouped(self.sources, self.targets, len(self.ops))

    @cached_property
    def role(self) -> Ids:
        """The `Role` of each node, shape (nodes,)."""
        roles = np.empty(len(self.nodes), np.int64)
        rank = list(self._constant_rank)
        is_constant = np.zeros(len(self.nodes), np.bool_)
        is_shape = np.zeros(len(self.nodes), np.bool_)
        for index, node in enumerate(self.nodes):
            producers = self.producers[index]
            has_inputs = bool(producers) or any(
                isinstance(tensor, gs.Variable) and tensor.name for tensor in node.inputs
            )
            varying = [producer for producer in producers if not is_constant[producer]]
            # A weight may be transposed or cast before it is read.
            for producer in producers:
                if is_constant[producer]:
                    rank[index] = max(rank[index], rank[producer])
            if not has_inputs or (producers and not varying and not _reads_outside(node)):
                is_constant[index] = True
                roles[index] = Role.CONSTANT
            elif node.op in _SHAPE_OPS:
                is_shape[index] = True
                roles[index] = Role.SHAPE_SOURCE
            elif varying and all(is_shape[producer] for producer in varying):
                is_shape[index] = True
                roles[index] = Role.SHAPE_ARITHMETIC
            else:
                roles[index] = _data_role(node, rank[index], len(varying))
        return roles

    def release_nodes(self) -> None:
        """Compute what depends on the nodes, then drop them, so that the graph can be freed."""
        _ = self.role, self.operator, self.consumers
        self.nodes = []


def _aten_operator(node: gs.Node) -> str | None:
    """Return the operator of ATen that a node is named after, unless the name is too short to tell a class by."""
    found = aten_operator(node.name)
    return None if found is None or len(found) < _MIN_ATEN_LETTERS else found


def _data_role(node: gs.Node, constant_rank: int, varying: int) -> Role:
    """Return the role of a node that depends on data; `varying` is the number of its producers that do."""
    if is_auxiliary(node) and not (node.op == "Gather" and constant_rank > 1):
        if node.op in _RESHAPE_OPS:
            return Role.RESHAPING
        if node.op in _PERMUTE_OPS:
            return Role.PERMUTING
        return Role.SELECTING if node.op in _SELECT_OPS else Role.CONVERTING
    if constant_rank > 1:
        return Role.MATRIX
    if constant_rank == 1:
        return Role.VECTOR
    return Role.UNARY if varying <= 1 else Role.JOINING


def _reads_outside(node: gs.Node) -> bool:
    """Whether a node reads a value that no node of the region writes: an input of the graph, an outer value."""
    return any(isinstance(tensor, gs.Variable) and tensor.name and not tensor.inputs for tensor in node.inputs)


def _grouped(keys: Ids, values: Ids, count: int) -> list[list[int]]:
    """Return the values of each key from 0 to `count - 1`, in order."""
    groups: list[list[int]] = [[] for _ in range(count)]
    for key, value in zip(as_ints(keys), as_ints(values), strict=True):
        groups[key].append(value)
    return groups
