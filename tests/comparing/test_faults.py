"""Faults that are put into a model on purpose: the module that has one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from product import ROOT

import hpass

BERT = ROOT / "fixtures" / "bert_tiny_torchscript.onnx"
CNN = ROOT / "fixtures" / "simple_cnn.onnx"
Fault = Callable[[onnx.ModelProto], None]


def weight(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    def spoil(model: onnx.ModelProto) -> None:
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))

    return spoil


def noise(array: np.ndarray) -> np.ndarray:
    return array + np.random.default_rng(0).normal(0, 0.1, array.shape).astype(array.dtype)


def attribute(node_name: str, name: str, value: float) -> Fault:
    def spoil(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.name == node_name)
        found = next(attribute for attribute in node.attribute if attribute.name == name)
        found.CopyFrom(onnx.helper.make_attribute(name, value))

    return spoil


def spoiled(path: Path, fault: Fault) -> onnx.ModelProto:
    model = onnx.load(path)
    fault(model)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "module"),
    [
        (weight("encoder.layer.1.attention.output.dense.bias", noise), "encoder.layer.1.attention.output.dense"),
        (weight("embeddings.word_embeddings.weight", noise), "embeddings.word_embeddings"),
        (weight("encoder.layer.0.output.LayerNorm.weight", lambda array: -array), "encoder.layer.0.output.LayerNorm"),
        (attribute("/encoder/layer.0/attention/self/Softmax", "axis", -2), "encoder.layer.0.attention.self"),
        (weight("pooler.dense.bias", lambda array: np.full_like(array, np.nan)), "pooler.dense"),
    ],
)
def test_the_module_with_the_fault_goes_wrong_first(fault: Fault, module: str) -> None:
    found = hpass.compare(BERT, spoiled(BERT, fault))

    assert found.first == module
    assert not found.agrees
    assert found.runs <= 2 + module.count(".") + 1


@pytest.mark.slow
def test_what_comes_before_and_after_is_right_by_itself() -> None:
    found = hpass.compare(BERT, spoiled(BERT, weight("encoder.layer.0.output.dense.bias", noise)))

    before, after = found.modules["embeddings"], found.modules["encoder.layer.1"]
    assert before.accumulated is not None
    assert before.accumulated.is_equal
    assert after.accumulated is not None
    assert not after.accumulated.is_equal
    assert after.local is not None
    assert after.local.is_equal


def test_equal_models_are_equal_after_one_run() -> None:
    found = hpass.compare(BERT, BERT)

    assert (found.agrees, found.first, found.runs, found.outputs.is_equal) == (True, None, 1, True)


def test_another_exporter_s_file_agrees() -> None:
    assert hpass.compare(BERT, ROOT / "fixtures" / "bert_tiny.onnx").agrees


def test_rounding_everywhere_is_nobody_s_fault() -> None:
    def round_all(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                array = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    found = hpass.compare(CNN, spoiled(CNN, round_all), threshold=300.0)

    assert not found.agrees
    assert found.first is None


def test_models_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(hpass.HpassError, match="it has the inputs"):
        hpass.compare(BERT, CNN)
