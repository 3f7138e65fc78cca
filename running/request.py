"""The part of a worker's request that says which model runs, how, and with what inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from ..errors import UsageError, nearest
from ..graph.files import model_file
from ..graph.free_dimensions import free_dimensions
from ..graph.index_limits import index_limits
from .settings import SessionSettings

TIME_LIMIT_S = 600.0
"""The time limit of one step in onnxruntime, such as opening the model or one run. Not tuned."""


def request_for(
    model: onnx.ModelProto,
    *,
    name: str,
    folder: Path | None,
    scratch: Path,
    settings: SessionSettings,
    inputs: Path | None = None,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Write a model into the folder `scratch` and return the request to run it.

    `folder` has its external data, `name` is how messages call it, `inputs` is an .npz file, and `sizes` are those of
    free dimensions. Raises UsageError if the model has no such dimension, and HpassError if it needs more than 2 GiB.
    """
    free = free_dimensions(model)
    for dimension in sizes or ():
        if dimension not in free:
            raise UsageError(f"{name}: no input has a free dimension '{dimension}'{nearest(dimension, free)}")
    path = scratch / "model.onnx"
    path.write_bytes(b"".join(model_file.serialize(model)))
    return {
        "name": name,
        "path": str(path),
        "folder": str(scratch if folder is None else folder.absolute()),
        "settings": settings.to_json(),
        "inputs": None if inputs is None else str(inputs.absolute()),
        "sizes": dict(sizes or {}),
        "limits": index_limits(model),
        "seconds": TIME_LIMIT_S,
    }
