"""`python -m benchmarks.faults.memory [--layers N] --folder FOLDER`: what a comparison of a large model takes.

The model is the image encoder of SAM with ViT-huge's width and N of its 32 layers, with random weights. It is compared
with itself, and with a copy whose last layer has another bias. The peak is that of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

_WIDTH, _HEADS, _DEPTH = 1280, 16, 32
_GLOBAL_EVERY = 8
_RUN = """
import sys, onnxruntime as ort, numpy as np
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, dict(np.load(sys.argv[2])))
"""


def main() -> None:
    """Export the model, compare it, and print what that took as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.memory", description=__doc__)
    parser.add_argument("--layers", type=int, default=_DEPTH, help="the number of layers")
    parser.add_argument("--folder", type=Path, required=True, help="a folder for the models")
    options = parser.parse_args()
    model, spoiled, inputs = (options.folder / name for name in ("sam.onnx", "spoiled.onnx", "inputs.npz"))
    definition = options.folder / "sam.py"
    definition.write_text(_definition(options.layers), encoding="utf-8")
    if not model.exists():
        subprocess.run([sys.executable, "-m", "hpass", "export", f"{definition}:make", model], check=True)
    _spoil(model, spoiled, options.layers - 1)
    _measured("inputs", [sys.executable, "-m", "hpass", "inputs", str(model), "-o", str(inputs)], options.folder)
    _measured("session alone", [sys.executable, "-c", _RUN, str(model), str(inputs)], options.folder)
    for name, other in (("itself", model), ("another bias", spoiled)):
        command = [sys.executable, "-m", "hpass", "compare", str(model), str(other), "--inputs", str(inputs), "--json"]
        _measured(name, command, options.folder)


def _definition(layers: int) -> str:
    return f"""
import torch
from transformers import SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionEncoder


def make():
    torch.manual_seed(0)
    config = SamVisionConfig(
        hidden_size={_WIDTH},
        num_hidden_layers={layers},
        num_attention_heads={_HEADS},
        global_attn_indexes={list(range(_GLOBAL_EVERY - 1, layers, _GLOBAL_EVERY))},
        attn_implementation="eager",
    )
    return SamVisionEncoder(config), {{"pixel_values": torch.randn(1, 3, 1024, 1024)}}
"""


def _spoil(source: Path, target: Path, layer: int) -> None:
    model = onnx.load(source)
    bias = next(tensor for tensor in model.graph.initializer if tensor.name.endswith(f"layers.{layer}.mlp.lin2.bias"))
    length = bias.dims[0]
    bias.CopyFrom(onnx.helper.make_tensor(bias.name, TensorProto.FLOAT, [length], [1.0] * length))
    onnx.save(model, target, save_as_external_data=True, location=f"{target.name}.data")


def _measured(name: str, command: list[str], folder: Path) -> None:
    """Run a command, and print its time and the peak of its largest process."""
    printed = folder / "printed.txt"
    start = time.monotonic()
    with printed.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    answer: dict[str, Any] = {"name": name, "seconds": time.monotonic() - start, "peak_mib": usage.ru_maxrss / 1024}
    text = printed.read_text(encoding="utf-8")
    if text.startswith("{"):
        answer |= {key: value for key, value in json.loads(text).items() if key in {"agrees", "first", "runs"}}
    sys.stdout.write(json.dumps(answer | {"status": process.returncode}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
