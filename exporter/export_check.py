"""Check exported models with onnx.checker, because exporters sometimes write invalid models without an error."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import onnx_ir

from ..graph.verify.onnx_check import check_fully

# Shape inference reads sizes and axes from initializers up to this size; it needs only the types of larger ones.
MAX_KEPT_BYTES = 1 << 10
# Shape inference of the largest models takes a few seconds.
TIME_LIMIT_S = 600.0


class InvalidModelError(Exception):
    """The model is not valid ONNX."""


def check(model: onnx_ir.Model) -> None:
    """Check a model with onnx.checker and the shapes that follow from its inputs. Raises InvalidModelError.

    Shapes of intermediate values and outputs that the exporter wrote are ignored, as runtimes do.
    """
    with _without_large_initializers(model):
        proto = onnx_ir.to_proto(model)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        for axis in output.type.tensor_type.shape.dim:
            axis.Clear()
    problem = check_fully(proto, TIME_LIMIT_S)
    if problem is not None:
        raise InvalidModelError(problem)


@contextlib.contextmanager
def _without_large_initializers(model: onnx_ir.Model) -> Generator[None]:
    """Replace initializers above MAX_KEPT_BYTES by inputs, so that the weights are not copied."""
    graph = model.graph
    initializers, inputs = dict(graph.initializers), list(graph.inputs)
    large = {
        name: value
        for name, value in initializers.items()
        if value.const_value is not None and value.const_value.nbytes > MAX_KEPT_BYTES
    }
    try:
        for name in large:
            del graph.initializers[name]
        graph.inputs.extend(value for value in large.values() if value not in inputs)
        yield
    finally:
        graph.inputs.clear()
        graph.inputs.extend(inputs)
        graph.initializers.clear()
        graph.initializers.update(initializers)
