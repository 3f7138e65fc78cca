"""Place modules on one execution provider and the rest on another, and look where each node is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.parser

import hpass
from benchmarks.environments import Environments, Tool, ToolError

from .methods import SCRIPTS

_GGML = Tool("onnxruntime-ggml", ("onnxruntime",))
_SCOPES = ("layer.1", "layer.1.query", "layer.1.key.0", "layer.10", "layer.10.query", "layer.2", "head")
PATTERNS = ("layer.1", "=layer.1", "layer.1.**", "layer.10", "layer.{1,2}", "**.query", "layer.1;!layer.1.key")


@dataclass(frozen=True)
class Placement:
    """The nodes that are to be on the CPU, and those that are; `reason` is set if the session was not opened."""

    patterns: str
    version: str
    option: str
    expected: frozenset[str]
    placed: frozenset[str]
    reason: str = ""


def place(patterns: str, environments: Environments) -> Placement:
    """Place the modules of patterns, which semicolons separate, on the CPU and the others on ggml."""
    version = option = ""
    with tempfile.TemporaryDirectory() as folder:
        model, annotated = Path(folder, "model.onnx"), Path(folder, "annotated.onnx")
        onnx.save(_products(), model)
        hpass.run(model, "all,annotate").save(annotated)
        expected = frozenset(hpass.select(annotated, *patterns.split(";")).names)
        command = [sys.executable, "-m", "hpass", "select", str(annotated), *patterns.split(";"), "--for", "layer-ann"]
        option = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        try:
            version = environments.version(_GGML)
            placed = json.loads(environments.run(_GGML, SCRIPTS / "ggml_placement.py", annotated, option))
        except ToolError as error:
            return Placement(patterns, version, option, expected, frozenset(), str(error))
    return Placement(patterns, version, option, expected, frozenset(placed))


def _products() -> onnx.ModelProto:
    """Return a model with one product in each module, none of which reads another; ggml takes all of them."""
    names = [f"/{scope.replace('.', '/').replace('layer/', 'layer.')}" for scope in _SCOPES]
    count = range(len(names))
    inputs = ", ".join(f"float[4, 4] x{index}" for index in count)
    outputs = ", ".join(f"float[4, 4] y{index}" for index in count)
    nodes = " ".join(f'["{name}/MatMul"] y{i} = MatMul(x{i}, x{i})' for i, name in enumerate(names))
    return onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 18]> g ({inputs}) => ({outputs}) {{ {nodes} }}'
    )
