"""Quantise a model with AIMET: MODEL SELECTION INPUTS, then the files to write without and with the selection."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from aimet_onnx import QuantizationSimModel

model, selection, inputs, everything, selected = map(Path, sys.argv[1:])
values = dict(np.load(inputs))
for target, arguments in ((everything, None), (selected, json.loads(selection.read_text()))):
    simulation = QuantizationSimModel(onnx.load(model), dummy_input=values)
    if arguments is not None:
        simulation.set_tensor_precision(**arguments)
    simulation.compute_encodings([values])
    onnx.save(simulation.to_onnx_qdq(), target)
