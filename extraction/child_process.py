"""Run onnx's shape inference and onnxruntime in child processes, because both can hang or crash on a hostile model."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from ..errors import HpassError
from ..graph.shape_inference import infer_by_onnx, without_weights
from ..graph.walk import graphs_within
from ..running.request import request_for
from ..running.settings import SessionSettings
from ..running.worker_process import worker

_ELEMENT_TYPES = {"float": "FLOAT", "double": "DOUBLE"}


def infer_shapes(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the values whose types onnx infers; none if it fails."""
    inferred = infer_by_onnx(without_weights(model))
    return [] if inferred is None else [value for graph in graphs_within(inferred.graph) for value in graph.value_info]


def output_types(model: onnx.ModelProto, folder: Path, names: Sequence[str]) -> dict[str, onnx.TypeProto]:
    """Return the types of values of the main graph, as onnxruntime infers them; none if it does not open the model."""
    try:
        types = _ask(model, folder, names, "the model")
    except HpassError:
        return {}
    found = {name: _tensor_type(*types[name]) for name in names if name in types}
    return {name: value_type for name, value_type in found.items() if value_type is not None}


def run_model(
    model: onnx.ModelProto, folder: Path, *, inputs: Path, names: Sequence[str], results: Path, title: str
) -> None:
    """Run a model on the inputs in an .npz file and write the values `names` to the .npz file `results`.

    Raises HpassError, which calls the model `title`, if it does not run.
    """
    _ask(model, folder, names, title, inputs=inputs, values=list(names), results=str(results))


def _ask(
    model: onnx.ModelProto, folder: Path, names: Sequence[str], title: str, inputs: Path | None = None, **wanted: Any
) -> dict[str, Any]:
    """Let onnxruntime open a model with more outputs, and run it if values are wanted. Return the types of its outputs.

    Raises HpassError if that fails.
    """
    with tempfile.TemporaryDirectory(prefix="hpass-") as scratch:
        request = request_for(
            _with_outputs(model, names),
            name=title,
            folder=folder,
            scratch=Path(scratch),
            settings=SessionSettings(level="none"),
            inputs=inputs,
        )
        with worker("extraction.runtime_worker", {"values": [], **request, **wanted}) as messages:
            answer = next(messages, None)
    if answer is None:
        raise HpassError(f"{title}: onnxruntime ended without an answer")
    return answer["types"]


def _with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of a model that has the values `names` as outputs as well."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {output.name for output in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in known)
    return copy


def _tensor_type(name: str, shape: Sequence[int | str | None]) -> onnx.TypeProto | None:
    """Return a type in onnxruntime's notation, such as `tensor(float)`, as a message; None if it is no tensor type."""
    match = re.fullmatch(r"tensor\((\w+)\)", name)
    if match is None:
        return None
    element = _ELEMENT_TYPES.get(match[1], match[1].upper())
    value_type = onnx.TypeProto()
    value_type.tensor_type.elem_type = onnx.TensorProto.DataType.Value(element)
    # An empty shape is that of a scalar, or an unknown one.
    for size in shape:
        if isinstance(size, int):
            value_type.tensor_type.shape.dim.add(dim_value=size)
        else:
            value_type.tensor_type.shape.dim.add()
    return value_type
