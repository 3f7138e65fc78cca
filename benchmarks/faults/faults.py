"""Kinds of faults, and the places of a model into which each of them can be put."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

_EPSILON = 0.1
_LARGEST_EPSILON = 1e-3
# The first two make what is above 0.004 too large for float16, which can hold the factors themselves.
_FACTORS = (4096.0, 4096.0, 1 / 4096, 1 / 4096)
_OPPOSITES = {"Greater": "LessOrEqual", "LessOrEqual": "Greater", "Less": "GreaterOrEqual", "GreaterOrEqual": "Less"}
_ALONG_AXIS = ("ArgMax", "CumSum", "LogSoftmax", "LpNormalization", "ReduceMax", "ReduceMean", "ReduceSum", "Softmax")
_WITH_CONSTANT = ("Add", "Div", "Mul", "Pow", "Sub")
_COMPUTING = ("Add", "Conv", "Gemm", "LayerNormalization", "MatMul", "Mul", "Relu", "Softmax")


@dataclass(frozen=True)
class Place:
    """A fault of a kind that can be put into a module.

    what: the weight or node that is changed.
    change: changes a copy of the model.
    is_latent: whether the change is no fault before the model is converted, and so part of the original as well.
    """

    kind: str
    scope: str
    what: str
    change: Callable[[onnx.ModelProto], None]
    is_latent: bool = False


@dataclass
class _Graph:
    """The model with the module that each node ran in, by its position; None if that is not known."""

    model: onnx.ModelProto
    truth: Sequence[str | None]
    weights: dict[str, onnx.TensorProto] = field(init=False)
    readers: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.readers = {}
        for position, node in enumerate(self.model.graph.node):
            for name in node.input:
                self.readers.setdefault(name, []).append(position)

    def scoped(self) -> Iterator[tuple[int, onnx.NodeProto, str]]:
        """Yield the position, the node and the module of each node whose module is known."""
        for position, (node, scope) in enumerate(zip(self.model.graph.node, self.truth, strict=True)):
            if scope is not None:
                yield position, node, scope

    def own_weights(self) -> Iterator[tuple[onnx.NodeProto, str, onnx.TensorProto]]:
        """Yield the floating-point weights that a single node reads, with the node and its module."""
        for _, node, scope in self.scoped():
            for name in node.input:
                tensor = self.weights.get(name)
                if tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT and len(self.readers[name]) == 1:
                    yield node, scope, tensor

    def constants(self) -> Iterator[tuple[str, str, float, list[int]]]:
        """Yield single numbers: the name, the operator and module of the reader, the number, and the reader."""
        values = {name: numpy_helper.to_array(tensor) for name, tensor in self.weights.items()}
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        for name, array in values.items():
            if array.dtype == np.float32 and array.size == 1 and len(self.readers.get(name, ())) == 1:
                yield (
                    name,
                    self.model.graph.node[self.readers[name][0]].op_type,
                    float(array.item()),
                    self.readers[name],
                )


def places(model: onnx.ModelProto, truth: Sequence[str | None]) -> dict[str, list[Place]]:
    """Return the places of each kind of fault in a model. `truth` is the module of each node, None if unknown."""
    graph = _Graph(model, truth)
    found = (*_weights(graph), *_kernels(graph), *_epsilons(graph), *_masks(graph))
    found += (*_overflows(graph), *_axes(graph), *_constants(graph))
    kinds: dict[str, list[Place]] = {kind: [] for kind in KINDS}
    for place in found:
        kinds[place.kind].append(place)
    return kinds


KINDS = ("weight", "kernel", "epsilon", "mask", "overflow", "axis", "constant")
"""A weight changed, a kernel transposed, an epsilon, a mask inverted, an overflow in float16, a wrong axis, and a
constant of a module."""


def _weights(graph: _Graph) -> Iterator[Place]:
    def noise(array: np.ndarray) -> np.ndarray:
        return array + np.random.default_rng(0).normal(0, array.std() or 1.0, array.shape).astype(array.dtype)

    for _, scope, tensor in graph.own_weights():
        if np.prod(tensor.dims) > 1:
            yield Place("weight", scope, tensor.name, _new_weight(tensor.name, noise))


def _kernels(graph: _Graph) -> Iterator[Place]:
    for node, scope, tensor in graph.own_weights():
        is_kernel = node.op_type in {"Conv", "ConvTranspose", "Gemm", "MatMul"} and len(tensor.dims) > 1
        if is_kernel and tensor.dims[-1] == tensor.dims[-2] > 1:
            yield Place("kernel", scope, tensor.name, _new_weight(tensor.name, lambda array: array.swapaxes(-1, -2)))


def _epsilons(graph: _Graph) -> Iterator[Place]:
    for position, node, scope in graph.scoped():
        if any(attribute.name == "epsilon" for attribute in node.attribute):
            yield Place("epsilon", scope, node.name, _new_attribute(position, "epsilon", _EPSILON))
    for name, operator, value, (reader,) in graph.constants():
        scope = graph.truth[reader]
        if operator == "Add" and 0 < value <= _LARGEST_EPSILON and scope is not None:
            yield Place("epsilon", scope, name, _new_constant(name, _EPSILON))


def _masks(graph: _Graph) -> Iterator[Place]:
    def swap(position: int) -> Callable[[onnx.ModelProto], None]:
        def change(model: onnx.ModelProto) -> None:
            node = model.graph.node[position]
            node.input[1], node.input[2] = node.input[2], node.input[1]

        return change

    def negate(position: int) -> Callable[[onnx.ModelProto], None]:
        def change(model: onnx.ModelProto) -> None:
            node = model.graph.node[position]
            node.op_type = _OPPOSITES[node.op_type]

        return change

    for position, node, scope in graph.scoped():
        if node.op_type == "Where":
            yield Place("mask", scope, node.name, swap(position))
        elif node.op_type in _OPPOSITES:
            yield Place("mask", scope, node.name, negate(position))


def _overflows(graph: _Graph) -> Iterator[Place]:
    def enlarge(position: int) -> Callable[[onnx.ModelProto], None]:
        def change(model: onnx.ModelProto) -> None:
            node = model.graph.node[position]
            made: list[onnx.NodeProto] = []
            written = node.output[0]
            node.output[0] = f"{written}_overflow_0"
            for number, factor in enumerate(_FACTORS):
                weight = f"{written}_factor_{number}"
                model.graph.initializer.append(numpy_helper.from_array(np.array(factor, np.float32), weight))
                is_last = number == len(_FACTORS) - 1
                output = written if is_last else f"{written}_overflow_{number + 1}"
                new = helper.make_node(
                    "Mul", [f"{written}_overflow_{number}", weight], [output], f"{node.name}_{number}"
                )
                new.metadata_props.extend(node.metadata_props)
                made.append(new)
            rest = list(model.graph.node[position + 1 :])
            del model.graph.node[position + 1 :]
            model.graph.node.extend([*made, *rest])

        return change

    for position, node, scope in graph.scoped():
        if node.op_type in _COMPUTING:
            yield Place("overflow", scope, node.name, enlarge(position), is_latent=True)


def _axes(graph: _Graph) -> Iterator[Place]:
    for position, node, scope in graph.scoped():
        axis = next((attribute for attribute in node.attribute if attribute.name in {"axis", "axes"}), None)
        if node.op_type in _ALONG_AXIS and axis is not None:
            value = (list(axis.ints) or [axis.i])[0]
            other = value - 1 if value < 0 or value > 1 else value + 1
            new = [other] if axis.ints else other
            yield Place("axis", scope, node.name, _new_attribute(position, axis.name, new))


def _constants(graph: _Graph) -> Iterator[Place]:
    for name, operator, value, (reader,) in graph.constants():
        scope = graph.truth[reader]
        if operator in _WITH_CONSTANT and abs(value) > _LARGEST_EPSILON and scope is not None:
            yield Place("constant", scope, name, _new_constant(name, value * 1.5))
    for position, node, scope in graph.scoped():
        for attribute in node.attribute:
            if attribute.name == "alpha" and attribute.f:
                yield Place("constant", scope, node.name, _new_attribute(position, "alpha", attribute.f * 1.5))


def _new_weight(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[onnx.ModelProto], None]:
    def apply(model: onnx.ModelProto) -> None:
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        array = np.ascontiguousarray(change(numpy_helper.to_array(tensor)))
        tensor.CopyFrom(numpy_helper.from_array(array, name))

    return apply


def _new_constant(name: str, value: float) -> Callable[[onnx.ModelProto], None]:
    def apply(model: onnx.ModelProto) -> None:
        nodes = (node.attribute[0].t for node in model.graph.node if name in node.output)
        tensor = next((tensor for tensor in model.graph.initializer if tensor.name == name), None) or next(nodes)
        array = np.full(tuple(tensor.dims), value, np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    return apply


def _new_attribute(position: int, name: str, value: float | list[int]) -> Callable[[onnx.ModelProto], None]:
    def apply(model: onnx.ModelProto) -> None:
        node = model.graph.node[position]
        found = next(attribute for attribute in node.attribute if attribute.name == name)
        found.CopyFrom(helper.make_attribute(name, value))

    return apply
