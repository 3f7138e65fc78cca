"""onnxruntime's QDQ quantizer: `TensorQuantOverrides`, which give the outputs of the nodes 16 bits."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ...errors import UsageError
from ..selection import Selection
from .json_text import json_text

_QUANT_TYPE = "QUInt16"


def write(selection: Selection[gs.Node]) -> str:
    """Return a JSON object of overrides by the name of the tensor.

    `QuantType.from_string` makes onnxruntime's type of each `quant_type`. Raises UsageError if the selection writes no
    floating-point tensor.
    """
    tensors = {
        tensor.name: [{"quant_type": _QUANT_TYPE}]
        for node in selection.nodes
        for tensor in node.outputs
        if tensor.name and _may_be_float(tensor.dtype)
    }
    if not tensors:
        raise UsageError("the selected nodes write no floating-point tensor")
    return json_text(tensors)


def _may_be_float(dtype: object) -> bool:
    return dtype is None or (isinstance(dtype, np.dtype) and dtype.kind == "f")
