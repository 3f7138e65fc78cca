"""The types of values: what the file declares, what shape inference adds, and what onnxruntime knows beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from ..graph.dataflow import Dataflow
from ..graph.decode import as_text
from .child_process import infer_shapes, output_types

Symbol = str | int | None
"""The size of one axis: a name, a number, or None if it is unknown."""


@dataclass
class ValueTypes:
    """The types of the values of a graph, by name.

    The types that the file declares come first. The others are worked out for the whole model at once, when one of them
    is needed, each in a process with a time limit.
    """

    model: onnx.ModelProto
    folder: Path
    declared: dict[str, onnx.TypeProto]
    _inferred: dict[str, onnx.TypeProto] | None = field(default=None, repr=False)
    _asked: set[str] = field(default_factory=set[str], repr=False)

    @classmethod
    def of(cls, model: onnx.ModelProto, folder: Path, flow: Dataflow) -> ValueTypes:
        """Read the declared types of a graph and of the graphs around it."""
        declared: dict[str, onnx.TypeProto] = {}
        for graph in flow.graphs:
            for value in (*graph.value_info, *graph.output, *graph.input):
                if _has_element_type(value.type):
                    declared[value.name] = value.type
        return cls(model, folder, declared)

    def symbols(self, name: str) -> list[Symbol] | None:
        """Return the declared size of each axis of a value; None if the file does not declare its shape."""
        declared = self.declared.get(name)
        if declared is None or not declared.tensor_type.HasField("shape"):
            return None
        return [_symbol(dim) for dim in declared.tensor_type.shape.dim]

    def rank(self, name: str) -> int | None:
        """Return the number of axes of a value; None if neither the file nor shape inference knows it."""
        known = self.declared.get(name) or self._infer().get(name)
        if known is None or not known.tensor_type.HasField("shape"):
            return None
        return len(known.tensor_type.shape.dim)

    def get(self, names: Sequence[str]) -> dict[str, onnx.TypeProto]:
        """Return the types of values, as far as they can be known."""
        known = {name: self.declared[name] for name in names if name in self.declared}
        for source in (self._infer, self._ask):
            missing = [name for name in names if name not in known]
            if missing:
                found = source(missing)
                known.update((name, found[name]) for name in missing if name in found)
        return known

    def _infer(self, _names: Sequence[str] = ()) -> dict[str, onnx.TypeProto]:
        if self._inferred is None:
            values = infer_shapes(self.model)
            self._inferred = {value.name: value.type for value in values if _has_element_type(value.type)}
        return self._inferred

    def _ask(self, names: Sequence[str]) -> dict[str, onnx.TypeProto]:
        # onnxruntime can only show values of the main graph.
        written = {name for node in self.model.graph.node for name in node.output}
        new = [name for name in names if name in written and name not in self._asked]
        self._asked.update(new)
        found = output_types(self.model, self.folder, new) if new else {}
        self.declared.update(found)
        return found


def _has_element_type(value_type: onnx.TypeProto) -> bool:
    kind = value_type.WhichOneof("value")
    return kind is not None and (kind != "tensor_type" or bool(value_type.tensor_type.elem_type))


def _symbol(dim: onnx.TensorShapeProto.Dimension) -> Symbol:
    if dim.HasField("dim_value"):
        return dim.dim_value
    return dim.dim_param or None


def type_text(value_type: onnx.TypeProto) -> str:
    """Return a type as text for people: `float[batch, 128]`, with `?` for an axis of unknown size."""
    kind = value_type.WhichOneof("value")
    if kind != "tensor_type":
        return (kind or "unknown type").removesuffix("_type")
    tensor = value_type.tensor_type
    element = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    if not tensor.HasField("shape"):
        return f"{element}, of any shape"
    sizes = (_symbol(dim) for dim in tensor.shape.dim)
    return f"{element}[{', '.join('?' if size is None else as_text(str(size)) for size in sizes)}]"
