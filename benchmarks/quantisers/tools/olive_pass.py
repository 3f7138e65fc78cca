"""Run one pass of Olive: NAME MODEL SELECTION INPUTS, then the files to write without and with the selection."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from olive.data.registry import Registry
from olive.workflows import run

name = sys.argv[1]
model, selection, inputs, everything, selected = map(Path, sys.argv[2:])
values = dict(np.load(inputs))


@Registry.register_dataset("inputs")
def dataset(**_: object) -> list[tuple[dict[str, np.ndarray], int]]:
    """Return one sample; Olive adds the first dimension, and takes the number for a label."""
    return [({name: value[0] for name, value in values.items()}, 0)]


data = {"name": "inputs", "type": "DataContainer", "load_dataset_config": {"type": "inputs"}}
configured = json.loads(selection.read_text())["passes"][name]
calibration = {"data_config": "inputs"} if configured["type"] == "OnnxStaticQuantization" else {}
for target, settings in ((everything, {"type": configured["type"]}), (selected, configured)):
    with tempfile.TemporaryDirectory() as folder:
        run(
            {
                "input_model": {"type": "ONNXModel", "model_path": str(model)},
                "data_configs": [data],
                "passes": {name: {**settings, **calibration}},
                "output_dir": folder,
                "cache_dir": f"{folder}/cache",
                "evaluate_input_model": False,
            }
        )
        shutil.copy(Path(folder, "model.onnx"), target)
