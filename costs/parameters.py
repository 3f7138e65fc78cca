"""The parameters of a model: stored values that are weights."""

from __future__ import annotations

from typing import NamedTuple

import onnx
from onnx import TensorProto

from ..graph.decode import as_text
from .sizes import LIMIT
from .value_types import GraphPath, tensor_type

# Indices, shapes, masks and texts.
_NO_WEIGHTS = frozenset((TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING, TensorProto.UNDEFINED))


class Parameter(NamedTuple):
    """A parameter: the graph that stores it, its name, the number of its elements, and their bytes."""

    path: GraphPath
    name: str
    elements: int
    byte_count: int


def parameter_of(tensor: onnx.TensorProto, path: GraphPath) -> Parameter | None:
    """Return a stored tensor of a graph as a parameter; None if its elements are indices, booleans or texts."""
    if tensor.data_type in _NO_WEIGHTS:
        return None
    stored = tensor_type(tensor)
    if stored.bits is None or not 0 <= stored.elements < LIMIT:
        return None
    return Parameter(path, as_text(tensor.name), stored.elements, stored.byte_count)
