"""The operators of a region as a sequence, in two orders: that of the file, and that in which the results need them.

Constants are left out. An operator of the sequence is known by its kind, which two exporters agree on if anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import onnx_graphsurgeon as gs

from ..graph.operators import is_auxiliary
from .operator_families import is_arithmetic
from .region_index import RegionIndex

Shape = tuple[int, ...]

# Operators whose result has the elements of their first input, in another layout, type or scale.
_SAME_ELEMENTS = frozenset(
    {"Cast", "DequantizeLinear", "Identity", "QuantizeLinear", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
_SHAPE_OPS = frozenset({"Shape", "Size"})
_MATRIX_RANK = 2


class Kind(NamedTuple):
    """What is known of an operator without names: the shapes of its weights, and whether it is auxiliary.

    A shape has the lengths of the axes in increasing order, without those that are 1. Auxiliary are also operators that
    compute shapes, and these have no weights. A matrix that is added or multiplied element by element is no weight: it
    may be a mask or a table that only some exporters compute beforehand.
    """

    op: str
    shapes: tuple[Shape, ...]
    auxiliary: bool


class _Weight(NamedTuple):
    """A constant of more than one element."""

    name: str
    shape: Shape


class OperatorSequence:
    """The nodes of a region that are no constants, in the order of the file.

    nodes: the positions of the nodes in the region.
    kinds: the kind of each node.
    weights: the name of the largest weight that each node reads; "" if it reads none.
    """

    def __init__(self, region: RegionIndex) -> None:
        self._region = region
        self.nodes = [index for index, node in enumerate(region.nodes) if node.op != "Constant"]
        self.kinds: list[Kind] = []
        self.weights: list[str] = []
        weights, shape_computations = _weights(region), _shape_computations(region)
        for index in self.nodes:
            node = region.nodes[index]
            read = [weights[name] for name in region.reads[index] if name in weights]
            # Rows that are taken from a matrix are an embedding.
            is_lookup = node.op == "Gather" and len(_first_shape(region, index, weights)) >= _MATRIX_RANK
            if index in shape_computations or (is_auxiliary(node) and not is_lookup):
                read = []
                self.kinds.append(Kind(node.op, (), auxiliary=True))
            else:
                shapes = sorted(weight.shape for weight in read if len(weight.shape) == 1 or not is_arithmetic(node.op))
                self.kinds.append(Kind(node.op, tuple(shapes), auxiliary=False))
            self.weights.append(max(read, key=lambda weight: prod(weight.shape)).name if read else "")

    def __len__(self) -> int:
        return len(self.nodes)

    def order_of_need(self) -> list[int]:
        """Return the numbers of the nodes in the order in which the region's results need them: depth first.

        What a node reads comes before it, input by input. Nodes that no result needs come last.
        """
        number = {node: number for number, node in enumerate(self.nodes)}
        order: dict[int, None] = {}
        seen: set[int] = set()
        region = self._region
        for tensor in region.graph.outputs:
            pending = [(region.writer[tensor.name], False)] if tensor.name in region.writer else []
            while pending:
                node, is_done = pending.pop()
                if is_done:
                    order[node] = None
                elif node not in seen:
                    seen.add(node)
                    pending.append((node, True))
                    writers = (region.writer.get(name) for name in reversed(region.reads[node]))
                    pending.extend((writer, False) for writer in writers if writer is not None)
        order |= dict.fromkeys(self.nodes)
        return [number[node] for node in order if node in number]


def _weights(region: RegionIndex) -> Mapping[str, _Weight]:
    """Return the weight that each value is: a constant, or the elements of one in another layout or type."""
    found: dict[str, _Weight] = {}
    for index, node in enumerate(region.nodes):
        for tensor in node.inputs:
            if isinstance(tensor, gs.Constant) and tensor.name not in found:
                _add_weight(found, tensor.name, tensor.shape, tensor.dtype)
        if node.op == "Constant" and node.attrs and node.outputs:
            value = next(iter(node.attrs.values()))
            _add_weight(found, node.outputs[0].name, getattr(value, "shape", ()), getattr(value, "dtype", None))
        elif node.op in _SAME_ELEMENTS and node.inputs and node.inputs[0].name in found:
            found.update(dict.fromkeys(region.writes[index], found[node.inputs[0].name]))
    return found


def _add_weight(found: dict[str, _Weight], name: str, shape: Sequence[Any], dtype: Any) -> None:
    lengths = tuple(sorted(length for length in shape if isinstance(length, int) and length != 1))
    # Whole numbers are indices or shapes, unless a quantiser stored a matrix as bytes.
    is_quantised = isinstance(dtype, np.dtype) and dtype.itemsize == 1 and len(lengths) >= _MATRIX_RANK
    is_whole = isinstance(dtype, np.dtype) and dtype.kind in "biuOSU"
    if lengths and (is_quantised or not is_whole):
        found[name] = _Weight(name, lengths)


def _first_shape(region: RegionIndex, index: int, weights: Mapping[str, _Weight]) -> Shape:
    name = next(iter(region.reads[index]), "")
    return weights[name].shape if name in weights else ()


def _shape_computations(region: RegionIndex) -> set[int]:
    """Return the nodes whose results depend on shapes and constants alone. Nodes come after what they read."""
    found: set[int] = set()
    known = set(region.constants)
    for index, node in enumerate(region.nodes):
        if node.op in _SHAPE_OPS or all(name in known for name in region.reads[index] if name):
            found.add(index)
            known.update(region.writes[index])
    return found
