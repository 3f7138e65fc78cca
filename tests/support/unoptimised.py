"""Run a model with onnxruntime, without its optimisations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

_TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}


def outputs(model: onnx.ModelProto, folder: Path) -> list[Any]:
    """Return the outputs of a model for inputs of ones. `folder` has its external data.

    Free sizes are 8, and 3 for the channels of images.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = {
        value.name: np.ones(
            [
                size if isinstance(size, int) else 3 if (axis, len(value.shape)) == (1, 4) else 8
                for axis, size in enumerate(value.shape)
            ],
            _TYPES[value.type],
        )
        for value in session.get_inputs()
    }
    return session.run(None, inputs)


def same(one: list[Any], other: list[Any]) -> bool:
    """Whether two lists of outputs are bit-identical."""
    return [(value.dtype, value.shape, value.tobytes()) for value in one] == [
        (value.dtype, value.shape, value.tobytes()) for value in other
    ]
