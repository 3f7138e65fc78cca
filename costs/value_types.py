"""The types of the values of a model: the bits of an element, and the sizes of the axes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import onnx
from onnx import TensorProto

from ..graph.decode import as_text
from .sizes import Size, UnknownSizeError, free_names, parse_size, product

GraphPath = tuple[str, ...]
"""Which graph: the names of the nodes that hold it and of their attributes, alternately; empty for the main graph."""

# onnx's shape inference writes them into the file.
_MADE_UP = re.compile(r"unk__\d+")
_HALF_BYTE = frozenset(("UINT4", "INT4", "FLOAT4E2M1"))
_QUARTER_BYTE = frozenset(("UINT2", "INT2"))


class ValueType(NamedTuple):
    """The type of a tensor. `bits` is the size of an element, and None means not known; None for an axis as well."""

    bits: int | None = None
    dims: tuple[Size | None, ...] | None = None

    @property
    def shape(self) -> tuple[Size, ...]:
        """The sizes of all axes. Raises UnknownSizeError if one is not known."""
        if self.dims is None or None in self.dims:
            raise UnknownSizeError
        return self.dims

    @property
    def elements(self) -> Size:
        """The number of elements. Raises UnknownSizeError."""
        return product(self.shape)

    @property
    def byte_count(self) -> Size:
        """The size of all elements in bytes. Raises UnknownSizeError."""
        if self.bits is None:
            raise UnknownSizeError
        bits = self.elements * self.bits
        return -(-bits // 8) if isinstance(bits, int) else bits / 8


UNKNOWN_TYPE = ValueType()


@dataclass(frozen=True)
class TypeTable:
    """The types of the values of each graph, by name.

    `input_names` are the free sizes of the model's inputs, and `declared_names` all that the file names. Names that a
    tool made up are no sizes.
    """

    input_names: frozenset[str]
    declared_names: frozenset[str]
    graphs: dict[GraphPath, dict[str, ValueType]] = field(default_factory=dict[GraphPath, dict[str, ValueType]])

    def get(self, path: GraphPath, name: str) -> ValueType:
        """Return the type of a value that a graph sees."""
        for end in range(len(path), -1, -2):
            found = self.graphs.get(path[:end], {}).get(name)
            if found is not None:
                return found
        return UNKNOWN_TYPE

    def add(self, model: onnx.ModelProto) -> None:
        """Add what a model says of its values; of two sizes the one that says more is kept."""
        for path, graph in graphs_by_path(model.graph):
            known = self.graphs.setdefault(path, {})
            for name, added in self._types(graph):
                before = known.get(name)
                known[name] = added if before is None else self._merged(before, added)

    def know_all(self, values: Iterable[tuple[GraphPath, str]]) -> bool:
        """Whether the types of values are known, with sizes that are numbers or formulas of the sizes of inputs."""
        return all(self._is_known(self.get(path, name)) for path, name in values)

    def _is_known(self, known: ValueType) -> bool:
        return known.bits is not None and known.dims is not None and all(self._rank(size) <= 1 for size in known.dims)

    def _types(self, graph: onnx.GraphProto) -> Iterator[tuple[str, ValueType]]:
        for values in (graph.input, graph.value_info, graph.output):
            for value in values:
                kind = value.type.WhichOneof("value")
                if kind == "tensor_type":
                    yield as_text(value.name), self._type(value.type.tensor_type)
        for tensor in graph.initializer:
            yield as_text(tensor.name), tensor_type(tensor)
        for sparse in graph.sparse_initializer:
            yield as_text(sparse.values.name), ValueType(element_bits(sparse.values.data_type), tuple(sparse.dims))

    def _type(self, tensor: onnx.TypeProto.Tensor) -> ValueType:
        dims = tuple(map(self._size, tensor.shape.dim)) if tensor.HasField("shape") else None
        return ValueType(element_bits(tensor.elem_type), dims)

    def _size(self, dim: onnx.TensorShapeProto.Dimension) -> Size | None:
        if dim.HasField("dim_value"):
            return dim.dim_value if dim.dim_value >= 0 else None
        text = as_text(dim.dim_param)
        size = parse_size(text) if text else None
        return size if size is None or free_names(size) <= self.declared_names else None

    def _merged(self, first: ValueType, second: ValueType) -> ValueType:
        bits = second.bits if first.bits is None else first.bits
        if first.dims is None or second.dims is None or len(first.dims) != len(second.dims):
            return ValueType(bits, second.dims if first.dims is None else first.dims)
        pairs = zip(first.dims, second.dims, strict=True)
        return ValueType(bits, tuple(min(pair, key=self._rank) for pair in pairs))

    def _rank(self, size: Size | None) -> int:
        """Return how much a size says: 0 for a number, the most."""
        if size is None:
            return 3
        if isinstance(size, int):
            return 0
        return 1 if free_names(size) <= self.input_names else 2


def tensor_type(tensor: onnx.TensorProto) -> ValueType:
    """Return the type of a tensor in the file."""
    return ValueType(element_bits(tensor.data_type), tuple(tensor.dims))


@cache
def element_bits(data_type: int) -> int | None:
    """Return the size of an element in bits; None for strings and unknown types."""
    try:
        name = TensorProto.DataType.Name(data_type)
        if name in _HALF_BYTE:
            return 4
        if name in _QUARTER_BYTE:
            return 2
        return None if name == "STRING" else 8 * onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize
    except (KeyError, ValueError, TypeError):
        return None


def graphs_by_path(main: onnx.GraphProto) -> Iterator[tuple[GraphPath, onnx.GraphProto]]:
    """Yield a graph and all graphs in it. The names of nodes must be unique."""
    pending: list[tuple[GraphPath, onnx.GraphProto]] = [((), main)]
    while pending:
        path, graph = pending.pop()
        yield path, graph
        for node in graph.node:
            if node.attribute:
                pending += [((*path, *step), inner) for step, inner in inner_graphs(node).items()]


def inner_graphs(node: onnx.NodeProto) -> Mapping[tuple[str, str], onnx.GraphProto]:
    """Return the graphs in the attributes of a node, by the name of the node and of the attribute."""
    return {
        (as_text(node.name), as_text(attribute.name)): attribute.g
        for attribute in node.attribute
        if attribute.HasField("g")
    }


def written_values(model: onnx.ModelProto) -> list[tuple[GraphPath, str]]:
    """Return the values that nodes write, each with its graph."""
    return [
        (path, as_text(name))
        for path, graph in graphs_by_path(model.graph)
        for node in graph.node
        for name in node.output
        if name
    ]


def declared_sizes(values: Iterable[onnx.ValueInfoProto]) -> Iterator[Size]:
    """Yield the sizes that values have in the file by name, without names that shape inference made up."""
    for value in values:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param and not _MADE_UP.fullmatch(text := as_text(dim.dim_param)):
                yield parse_size(text)
