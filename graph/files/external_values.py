"""Make large values external data in the model's own file, so that a runtime reads them there, and hpass does not."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import TensorProto

from ..walk import graphs_within
from .placeholders import Placeholders


def with_external_values(model: onnx.ModelProto, placeholders: Placeholders) -> onnx.ModelProto:
    """Return a copy of a model without placeholders.

    Large raw data of initializers and constants is external data, whose folder is that of the model's file. Other
    values are in the message, and all are if a link leads to the file or if it is no longer at its path. Raises
    HpassError if the file has changed.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if placeholders.file.is_at_its_path():
        for tensor in _readable_by_runtimes(copy):
            found = placeholders.raw_range(tensor)
            if found is None:
                continue
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            length = found.end - found.start
            for key, value in (("location", placeholders.file.path.name), ("offset", found.start), ("length", length)):
                tensor.external_data.add(key=key, value=str(value))
    placeholders.complete(copy)
    return copy


def _readable_by_runtimes(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Yield the tensors that may be external data in onnxruntime."""
    for graph in graphs_within(model.graph):
        if isinstance(graph, onnx.GraphProto):
            yield from graph.initializer
        for node in graph.node:
            if node.op_type == "Constant":
                yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
