"""Quantise a model with ModelOpt: MODEL SELECTION INPUTS, then the files to write without and with the selection."""

import sys
from pathlib import Path

import numpy as np
from modelopt.onnx.quantization import quantize

model, selection, inputs, everything, selected = map(Path, sys.argv[1:])
for target, excluded in ((everything, None), (selected, selection.read_text().splitlines())):
    quantize(
        str(model),
        calibration_data=dict(np.load(inputs)),
        calibration_eps=["cpu"],
        nodes_to_exclude=excluded,
        high_precision_dtype="fp32",
        output_path=str(target),
    )
