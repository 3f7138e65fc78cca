"""Whether what an exporter made is a valid ONNX model: some write what no runtime loads, and say nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import onnx_ir

from ..graph.verify.onnx_check import check_fully

# Sizes and axes are read from small initializers; of the others only the type counts.
LARGEST_READ = 1 << 10
# In seconds. Shape inference of the largest models takes a few.
TIME_LIMIT_S = 600.0


class InvalidModelError(Exception):
    """The model breaks a rule of ONNX."""


def check(model: onnx_ir.Model) -> None:
    """Check the model by onnx's own checker, with the shapes that follow from its inputs.

    Raises InvalidModelError. What the exporter says of sizes beyond the inputs is not asked: runtimes do not either.
    """
    with _light(model):
        proto = onnx_ir.to_proto(model)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        for axis in output.type.tensor_type.shape.dim:
            axis.Clear()
    problem = check_fully(proto, TIME_LIMIT_S)
    if problem is not None:
        raise InvalidModelError(problem)


@contextlib.contextmanager
def _light(model: onnx_ir.Model) -> Generator[None]:
    """Turn all but small initializers into inputs, so that the weights need not be copied."""
    graph = model.graph
    initializers, inputs = dict(graph.initializers), list(graph.inputs)
    heavy = {
        name: value
        for name, value in initializers.items()
        if value.const_value is not None and value.const_value.nbytes > LARGEST_READ
    }
    try:
        for name in heavy:
            del graph.initializers[name]
        graph.inputs.extend(value for value in heavy.values() if value not in inputs)
        yield
    finally:
        graph.inputs.clear()
        graph.inputs.extend(inputs)
        graph.initializers.clear()
        graph.initializers.update(initializers)
