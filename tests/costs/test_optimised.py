"""What an optimiser or a quantizer leaves has the same multiply-accumulates."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model

import hpass

pytestmark = pytest.mark.slow
FIXTURES = Path(__file__).parents[2] / "fixtures"
# The optimiser cannot save a model beside external data that is not there.
NAMES = sorted(path.stem for path in FIXTURES.glob("*.onnx") if path.stem != "external_data")
BERT = FIXTURES / "bert_tiny_torchscript.onnx"


@pytest.mark.parametrize("name", NAMES)
def test_fused_operators_count_like_their_parts(name: str, tmp_path: Path) -> None:
    before = hpass.cost(FIXTURES / f"{name}.onnx").total
    after = hpass.cost(optimised(name, tmp_path, "ORT_ENABLE_EXTENDED")).total

    assert after.macs == before.macs
    assert after.unknown <= before.unknown


@pytest.mark.parametrize("name", ["resnet50_torchscript", "simple_cnn", "hybrid_torchscript", "tf2onnx_style"])
def test_blocks_of_channels_are_known(name: str, tmp_path: Path) -> None:
    found = hpass.cost(optimised(name, tmp_path, "ORT_ENABLE_ALL"))

    assert found.total.unknown == 0


def test_fused_attention_counts_like_its_parts(tmp_path: Path) -> None:
    fused = optimize_model(str(BERT), "bert", num_heads=2, hidden_size=128)
    fused.save_model_to_file(str(tmp_path / "fused.onnx"))
    found = hpass.cost(tmp_path / "fused.onnx")

    assert found.operators["com.microsoft::Attention"].nodes == 2
    assert (found.total.macs, found.total.unknown) == (hpass.cost(BERT).total.macs, 0)


def test_quantised_products_count_like_the_others(tmp_path: Path) -> None:
    quantize_dynamic(BERT, tmp_path / "int8.onnx")
    found = hpass.cost(tmp_path / "int8.onnx")

    assert found.operators["MatMulInteger"].nodes == 13
    assert (found.total.macs, found.total.unknown) == (hpass.cost(BERT).total.macs, 0)
    # A byte for each weight of a product.
    assert found.total.parameter_bytes < hpass.cost(BERT).total.parameter_bytes / 3


def optimised(name: str, folder: Path, level: str) -> Path:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(FIXTURES / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    return folder / "optimised.onnx"
