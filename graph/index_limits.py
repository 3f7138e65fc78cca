"""The ranges of a model's integer inputs, read from the operators that use them.

An index into a table of 100 rows is at least 0 and below 100. Any other integer is 1: a mask of ones hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

from .decode import as_text

# Operators whose result has the same elements as their first input, or some of them.
_SAME_ELEMENTS = frozenset(
    ("Cast", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze")
)
_INDEXING = {"Gather": "axis", "GatherElements": "axis"}


def index_limits(model: onnx.ModelProto) -> dict[str, int]:
    """Return for each input of the main graph that is an index the smallest size of an axis that it indexes."""
    shapes = dict(_shapes(model.graph))
    limits: dict[str, int] = {}
    origin = {as_text(value.name): as_text(value.name) for value in model.graph.input}
    for node in model.graph.node:
        reads = [as_text(name) for name in node.input]
        if not reads:
            continue
        operator = as_text(node.op_type)
        if operator in _SAME_ELEMENTS and reads[0] in origin:
            origin[as_text(node.output[0])] = origin[reads[0]]
        if operator in _INDEXING and len(reads) > 1 and reads[1] in origin:
            shape = shapes.get(reads[0], ())
            axis = next((item.i for item in node.attribute if as_text(item.name) == "axis"), 0)
            if -len(shape) <= axis < len(shape):
                source = origin[reads[1]]
                limits[source] = min(limits.get(source, shape[axis]), shape[axis])
    return {name: limit for name, limit in limits.items() if limit > 0}


def _shapes(graph: onnx.GraphProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the shapes that the file has; a size that is not known is 0."""
    for values in (graph.input, graph.value_info):
        for value in values:
            yield as_text(value.name), tuple(_sizes(value.type.tensor_type.shape.dim))
    for tensor in graph.initializer:
        yield as_text(tensor.name), tuple(tensor.dims)


def _sizes(dims: Iterable[onnx.TensorShapeProto.Dimension]) -> Iterator[int]:
    for dim in dims:
        yield dim.dim_value if dim.HasField("dim_value") else 0
