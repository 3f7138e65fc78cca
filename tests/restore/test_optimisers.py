"""Real optimisers on real models: what they drop comes back. docs/reference.md has the figures over many models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest

import hpass

FIXTURES = Path(__file__).parents[2] / "fixtures"
Optimiser = Callable[[Path, Path], None]


def slim(source: Path, target: Path) -> None:
    onnxslim = pytest.importorskip("onnxslim")
    onnx.save(onnxslim.slim(str(source)), target)


def simplify(source: Path, target: Path) -> None:
    onnxsim = pytest.importorskip("onnxsim")
    onnx.save(onnxsim.simplify(str(source))[0], target)


def onnxruntime_at(level: str) -> Optimiser:
    def optimise(source: Path, target: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    return optimise


def convert(source: Path, target: Path) -> None:
    onnx.save(onnx.version_converter.convert_version(onnx.load(source), 20), target)


@pytest.mark.parametrize(
    "optimise",
    [slim, simplify, onnxruntime_at("ORT_ENABLE_BASIC"), onnxruntime_at("ORT_ENABLE_EXTENDED"), convert],
    ids=["onnxslim", "onnxsim", "onnxruntime basic", "onnxruntime extended", "version converter"],
)
@pytest.mark.parametrize("name", ["bert_tiny_torchscript", "hybrid", "simple_cnn", "bert_tiny"])
def test_kept_nodes_get_the_true_module_back_and_new_ones_a_module(
    name: str, optimise: Optimiser, tmp_path: Path
) -> None:
    truth = json.loads((FIXTURES / "truth" / f"{name}.json").read_text(encoding="utf-8"))
    original = onnx.load(FIXTURES / f"{name}.onnx")
    written = {
        value: (node.op_type, row["scope"])
        for node, row in zip(original.graph.node, truth, strict=True)
        for value in node.output
    }
    reference, target = tmp_path / "tagged.onnx", tmp_path / "optimised.onnx"
    hpass.run(original, modules=FIXTURES / "modules" / f"{name}.json").save(reference)
    optimise(reference, target)
    run = hpass.run(hpass.strip(target), reference=reference)
    tags = list(run.tags())
    known = [(*written.get(node.outputs[0].name, (None, None)), node, tag) for node, tag in tags]
    kept = [(true, tag.scope) for op, true, node, tag in known if op == node.op and true is not None]
    assert len(kept) >= len(tags) / 4
    assert sum(true == scope for true, scope in kept) >= 0.99 * len(kept)
    assert sum(tag.source is hpass.Source.REFERENCE for _, tag in tags) >= 0.95 * len(tags)
