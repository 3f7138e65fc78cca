"""The names of the free dimensions of a model's inputs."""

from __future__ import annotations

import onnx

from .decode import as_text


def free_dimensions(model: onnx.ModelProto) -> list[str]:
    """Return the names of the free dimensions of a model's inputs, and the parts of names that are sums."""
    names: dict[str, None] = {}
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            text = as_text(dim.dim_param)
            names |= dict.fromkeys(part.strip() for part in (text, *text.split("+")) if part.strip())
    return [name for name in names if not name.isdecimal()]
