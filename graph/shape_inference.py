"""Run shape inference in child processes, because it can hang or crash on a hostile model. It sees no weights."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import onnx
from google.protobuf.message import DecodeError

_BY_ONNX = """\
import sys, onnx
model = onnx.load_from_string(sys.stdin.buffer.read())
inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
sys.stdout.buffer.write(inferred.SerializeToString())
"""
# If some shapes stay unknown, it writes the others into a file in the current folder and raises. Its package would
# import torch, which takes a second, for something else.
_BY_ONNXRUNTIME = """\
import logging, os, sys, onnx
sys.modules["torch"] = None
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
logging.disable()
output = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
model = onnx.load_from_string(sys.stdin.buffer.read())
try:
    inferred = SymbolicShapeInference.infer_shapes(model, auto_merge=True)
except Exception:
    inferred = onnx.load("sym_shape_infer_temp.onnx", load_external_data=False)
output.write(inferred.SerializeToString())
output.close()
"""
_TIME_LIMIT_S = 600.0  # not tuned
# Beyond this limit, what onnx inferred must do.
_SYMBOLIC_TIME_LIMIT_S = 60.0  # not tuned
# Larger tensors are left out of shape inference, which only looks at sizes and indices.
_MAX_TENSOR_BYTES = 1024


def infer_by_onnx(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the model with the types that onnx infers, with data propagation; None if it fails."""
    return _run(_BY_ONNX, model, _TIME_LIMIT_S)


def infer_by_onnxruntime(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the model with the types that onnxruntime's symbolic inference finds; None if it fails.

    Its nodes may have another order.
    """
    return _run(_BY_ONNXRUNTIME, model, _SYMBOLIC_TIME_LIMIT_S)


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a model in which large initializers of the main graph are inputs without values."""
    copy = onnx.ModelProto()
    for field, value in model.ListFields():
        if field.name == "opset_import":
            copy.opset_import.MergeFrom(value)
        elif field.name == "functions":
            copy.functions.MergeFrom(value)
    copy.ir_version = model.ir_version
    for field, value in model.graph.ListFields():
        if field.name in ("node", "input", "output", "value_info", "sparse_initializer"):
            getattr(copy.graph, field.name).MergeFrom(value)
    copy.graph.name = "graph"
    for tensor in model.graph.initializer:
        if tensor.ByteSize() <= _MAX_TENSOR_BYTES and tensor.data_location != onnx.TensorProto.EXTERNAL:
            copy.graph.initializer.add().CopyFrom(tensor)
        else:
            copy.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return copy


def _run(code: str, model: onnx.ModelProto, seconds: float) -> onnx.ModelProto | None:
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        try:
            process = subprocess.run(  # noqa: S603 - our own interpreter and code
                # -P: files in the current folder must not shadow modules that are imported.
                [sys.executable, "-P", "-c", code],
                input=model.SerializeToString(),
                capture_output=True,
                timeout=seconds,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            return None
    if process.returncode:
        return None
    try:
        return onnx.ModelProto.FromString(process.stdout)
    except DecodeError:
        return None
