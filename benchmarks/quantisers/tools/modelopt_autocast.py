"""Convert a model with ModelOpt: MODEL SELECTION INPUTS, then the files to write without and with the selection."""

import sys
from pathlib import Path

import onnx
from modelopt.onnx.autocast import convert_to_mixed_precision

model, selection, _, everything, selected = map(Path, sys.argv[1:])
for target, excluded in ((everything, None), (selected, selection.read_text().splitlines())):
    onnx.save(convert_to_mixed_precision(str(model), nodes_to_exclude=excluded), target)
