"""Quantise a model with NNCF: MODEL SELECTION INPUTS, then the files to write without and with the selection."""

import json
import sys
from pathlib import Path

import nncf
import numpy as np
import onnx

model, selection, inputs, everything, selected = map(Path, sys.argv[1:])
for target, arguments in ((everything, {}), (selected, json.loads(selection.read_text()))):
    made = nncf.quantize(
        onnx.load(model), nncf.Dataset([dict(np.load(inputs))]), ignored_scope=nncf.IgnoredScope(**arguments)
    )
    onnx.save(made, target)
