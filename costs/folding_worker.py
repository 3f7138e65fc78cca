"""The worker process of folding.py: it walks over the nodes once, computes small values and infers types."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ..graph.operators import RANDOM_OPERATORS
from ..running.worker_side import Send, limit_time, serve

# Sizes, indices and pads have some tens of elements.
_MAX_ELEMENTS = 1024


def answer(request: Mapping[str, Any], send: Send) -> None:
    """Write a model with the types that were found, and say that it is there."""
    limit_time(request["seconds"])
    model = onnx.load(request["model"], load_external_data=False)
    folder = _Folder(model)
    for node in model.graph.node:
        folder.visit(node)
    found = onnx.ModelProto()
    found.graph.value_info.extend(onnx.ValueInfoProto(name=name, type=known) for name, known in folder.types.items())
    Path(request["types"]).write_bytes(found.SerializeToString())
    send({})


class _Folder:
    """The types and the small values of a main graph, by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._versions = list(model.opset_import)
        self._ir_version = model.ir_version
        self.types: dict[str, onnx.TypeProto] = {}
        self.values: dict[str, npt.NDArray[Any]] = {}
        graph = model.graph
        for value in (*graph.input, *graph.value_info, *graph.output):
            self.types[value.name] = value.type
        for tensor in graph.initializer:
            self.types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
            if prod(tensor.dims) <= _MAX_ELEMENTS:
                self.values[tensor.name] = numpy_helper.to_array(tensor)

    def visit(self, node: onnx.NodeProto) -> None:
        """Compute the values that a node writes if they are small, or else infer their types."""
        try:
            results = self._results(node)
        except Exception:  # noqa: BLE001 - the evaluator raises many types; what it cannot compute has only a type
            results = None
        if results is None:
            self._infer(node)
            return
        for name, result in zip(node.output, results, strict=False):
            array = np.asarray(result)
            self.types[name] = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            if array.size <= _MAX_ELEMENTS:
                self.values[name] = array

    def _results(self, node: onnx.NodeProto) -> list[Any] | None:
        if node.op_type in RANDOM_OPERATORS or any(item.HasField("g") for item in node.attribute):
            return None
        if node.op_type == "Shape":
            shape = _numbers(self.types.get(node.input[0]))
            if shape is None:
                return None
            bounds = {item.name: item.i for item in node.attribute}
            return [np.array(shape[bounds.get("start", 0) : bounds.get("end", len(shape))], np.int64)]
        names = [name for name in node.input if name]
        if not all(name in self.values for name in names) or self._is_large(node):
            return None
        graph = helper.make_graph(
            [node],
            "node",
            [onnx.ValueInfoProto(name=name, type=self.types[name]) for name in dict.fromkeys(names)],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        single = helper.make_model(graph, opset_imports=self._versions, ir_version=self._ir_version)
        return list(ReferenceEvaluator(single).run(None, {name: self.values[name] for name in names}))

    def _is_large(self, node: onnx.NodeProto) -> bool:
        """Whether what a node writes is not known to be small, so that it may be too much to compute."""
        if node.op_type == "Constant":
            return any(prod(item.t.dims) > _MAX_ELEMENTS for item in node.attribute)
        self._infer(node)
        shapes = [_numbers(self.types.get(name)) for name in node.output if name]
        return any(shape is None or prod(shape) > _MAX_ELEMENTS for shape in shapes)

    def _infer(self, node: onnx.NodeProto) -> None:
        try:
            inferred = onnx.shape_inference.infer_node_outputs(
                onnx.defs.get_schema(node.op_type, self._version(node.domain), node.domain),
                node,
                {name: self.types[name] for name in node.input if name in self.types},
                {name: numpy_helper.from_array(self.values[name]) for name in node.input if name in self.values},
                opset_imports=self._versions,
                ir_version=self._ir_version,
            )
        except Exception:  # noqa: BLE001 - onnx raises several types of its own; the type stays as it was
            return
        for name, known in inferred.items():
            before = _numbers(self.types.get(name))
            if before is None:
                self.types[name] = known

    def _version(self, domain: str) -> int:
        return next(entry.version for entry in self._versions if entry.domain == domain)


def _numbers(known: onnx.TypeProto | None) -> tuple[int, ...] | None:
    """Return a shape if all sizes are numbers; else None."""
    if known is None or not known.tensor_type.HasField("shape"):
        return None
    dims = known.tensor_type.shape.dim
    return tuple(dim.dim_value for dim in dims) if all(dim.HasField("dim_value") for dim in dims) else None


if __name__ == "__main__":
    serve(answer)
