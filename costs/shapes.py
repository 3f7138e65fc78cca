"""The types of all values: what the file declares, then what onnx infers, then what onnxruntime infers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import onnx

from ..errors import UsageError, nearest
from ..graph.decode import as_text
from ..graph.shape_inference import infer_by_onnx, infer_by_onnxruntime, without_weights
from .folding import infer_by_folding
from .sizes import free_names, parse_size, substituted
from .stand_ins import replace_fused_operators
from .value_types import TypeTable, declared_sizes, graphs_by_path, written_values

_MAX_SIZE = 1 << 62  # a dimension is a signed number of 64 bits


def infer(model: onnx.ModelProto, sizes: Mapping[str, int], title: str) -> TypeTable:
    """Return the types of the values of a model without functions, whose nodes have unique names.

    `sizes` are numbers for free sizes by name. Raises UsageError, which calls the model `title`, if it has no such size
    or if a number is no size.
    """
    input_names = _names(model.graph.input)
    declared_names = input_names | _names(value for graph in _graphs(model) for value in _values(graph))
    for name, size in sizes.items():
        if name not in declared_names:
            raise UsageError(f"{title}: has no free dimension '{name}'{nearest(name, sorted(declared_names))}")
        if not 0 <= size <= _MAX_SIZE:
            raise UsageError(f"{title}: {size} is no size of the dimension '{name}'; give a number of at least 0")
    bare = without_weights(model)
    _drop_stale(bare, input_names)
    _substitute(bare, sizes)
    types = TypeTable(input_names - sizes.keys(), declared_names - sizes.keys())
    types.add(bare)
    _drop_made_up(bare, types.input_names)
    written = written_values(bare)
    replace_fused_operators(bare)
    for method in (infer_by_onnx, infer_by_onnxruntime, infer_by_folding):
        if types.know_all(written):
            break
        inferred = method(bare)
        if inferred is not None:
            types.add(inferred)
    return types


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    yield from (graph for _, graph in graphs_by_path(model.graph))


def _values(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    for values in (graph.input, graph.value_info, graph.output):
        yield from values


def _names(values: Iterable[onnx.ValueInfoProto]) -> frozenset[str]:
    return frozenset(name for size in declared_sizes(values) for name in free_names(size))


def _drop_stale(model: onnx.ModelProto, input_names: frozenset[str]) -> None:
    """Remove the types of inner values if they are of another time: inputs have free sizes, and no inner value has."""
    if input_names and not _names(model.graph.value_info):
        model.graph.ClearField("value_info")


def _drop_made_up(model: onnx.ModelProto, input_names: frozenset[str]) -> None:
    """Remove the names of sizes that no input has, so that inference can say what they are.

    TorchScript gives the axes of outputs such names, and inference keeps whatever name is there.
    """
    for graph in _graphs(model):
        for value in _values(graph):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param and not free_names(parse_size(as_text(dim.dim_param))) <= input_names:
                    dim.ClearField("dim_param")


def _substitute(model: onnx.ModelProto, sizes: Mapping[str, int]) -> None:
    if not sizes:
        return
    for graph in _graphs(model):
        for value in _values(graph):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param:
                    _set(dim, sizes)


def _set(dim: onnx.TensorShapeProto.Dimension, sizes: Mapping[str, int]) -> None:
    try:
        size = substituted(parse_size(as_text(dim.dim_param)), sizes)
    except ValueError:
        dim.ClearField("dim_param")
        return
    if not isinstance(size, int):
        dim.dim_param = str(size)
    elif 0 <= size <= _MAX_SIZE:
        dim.dim_value = size
    else:
        dim.ClearField("dim_param")
