"""An export of a MODEL argument that serves as a reference for files that were exported elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from ..errors import HpassError
from .capture_output import captured_output
from .export import export
from .export_options import Options
from .load import load_on_meta
from .model_spec import Factory, parse_model_spec

# Models of more parameters are not exported: their random weights would take more than 1.2 GB.
_MAX_PARAMETERS = 300_000_000

_FLOATS = frozenset(
    (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
)


def reference_export(model_spec: str) -> onnx.ModelProto | None:
    """Return an export of a MODEL argument, whose weights have shapes but no values; None if there is none.

    A transformers model has random weights; a factory's model has those that the factory gives it. There is no export
    if the model is too large or no exporter can export it. Raises HpassError and UsageError as `module_table` does.
    """
    with captured_output(verbose=False):
        parameters = sum(parameter.numel() for parameter in load_on_meta(model_spec, Options()).model.parameters())
    if parameters > _MAX_PARAMETERS:
        return None
    options = Options(random_weights=not isinstance(parse_model_spec(model_spec), Factory))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.onnx"
        try:
            export(model_spec, path, options=options)
        except HpassError:
            return None
        model = onnx.ModelProto.FromString(path.read_bytes())
    for tensor in model.graph.initializer:
        if tensor.data_type in _FLOATS:
            _drop_values(tensor)
    return model


def _drop_values(tensor: onnx.TensorProto) -> None:
    """Leave the name, the type and the shape of a tensor."""
    for field in ("raw_data", "float_data", "double_data", "int32_data", "external_data", "data_location"):
        tensor.ClearField(field)
