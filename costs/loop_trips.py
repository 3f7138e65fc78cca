"""How often the bodies of Loop and Scan run."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx.external_data_helper import uses_external_data
from onnx.numpy_helper import to_array

from ..graph.decode import as_text
from .sizes import Size, UnknownSizeError
from .typed_node import TypedNode

# Operators that give a constant on as it is.
_PASSING = frozenset(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"))
_MAX_STEPS = 20  # of Casts and Identities between a constant and its use; real files have at most 3


@dataclass(frozen=True)
class Constants:
    """What a graph sees of constants: the nodes that write values, and the stored tensors, by name."""

    writers: ChainMap[str, onnx.NodeProto] = field(default_factory=ChainMap[str, onnx.NodeProto])
    tensors: ChainMap[str, onnx.TensorProto] = field(default_factory=ChainMap[str, onnx.TensorProto])

    def within(self, graph: onnx.GraphProto) -> Constants:
        """Return what a graph inside sees."""
        writers = {
            as_text(name): node
            for node in graph.node
            if as_text(node.op_type) in _PASSING or as_text(node.op_type) == "Constant"
            for name in node.output
        }
        tensors = {as_text(tensor.name): tensor for tensor in graph.initializer}
        return Constants(self.writers.new_child(writers), self.tensors.new_child(tensors))

    def origin(self, name: str) -> str:
        """Return the value that a value is a copy of."""
        for _ in range(_MAX_STEPS):
            writer = self.writers.get(name)
            if writer is None or as_text(writer.op_type) not in _PASSING or not writer.input:
                break
            name = as_text(writer.input[0])
        return name

    def number(self, name: str) -> int | None:
        """Return the whole number or the truth that a value is; None if it is not constant."""
        name = self.origin(name)
        tensor = self.tensors.get(name)
        if tensor is not None:
            return _number(tensor)
        writer = self.writers.get(name)
        return None if writer is None else next(_constant(writer.attribute), None)


def loop_trips(node: onnx.NodeProto, constants: Constants) -> int:
    """Return the number of trips of a Loop whose condition never ends it. Raises UnknownSizeError."""
    names = [as_text(name) for name in node.input]
    limit, start, *_ = (*names, "", "")
    trips = constants.number(limit) if limit else None
    body = next((item.g for item in node.attribute if as_text(item.name) == "body"), None)
    if trips is None or body is None or (start and not constants.number(start)):
        raise UnknownSizeError
    _, given, *_ = (as_text(value.name) for value in body.input)
    inner = constants.within(body)
    condition = inner.origin(as_text(body.output[0].name))
    if condition != given and not inner.number(condition):
        raise UnknownSizeError
    return max(trips, 0)


def scan_trips(node: TypedNode) -> Size:
    """Return the number of trips of a Scan, which is the length of what it scans. Raises UnknownSizeError."""
    count = node.attribute("num_scan_inputs") or 0
    first = len(node.inputs) - count
    axes = node.attribute("scan_input_axes") or (0,) * count
    if first < 0 or not axes:
        raise UnknownSizeError
    return node.shape(first)[axes[0]]


def _constant(attributes: Iterable[onnx.AttributeProto]) -> Any:
    for attribute in attributes:
        name = as_text(attribute.name)
        if name == "value_int":
            yield attribute.i
        elif name == "value":
            yield _number(attribute.t)


def _number(tensor: onnx.TensorProto) -> int | None:
    if uses_external_data(tensor) or list(tensor.dims) not in ([], [1]):
        return None
    try:
        return int(to_array(tensor).reshape(-1)[0])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
