"""Faults that are put into a model on purpose: the module that has one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
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
    assert found.runs <= 3 + module.count(".") + 1


@pytest.mark.slow
def test_the_module_that_is_too_large_for_float16_is_named_if_no_output_is_finite() -> None:
    large = spoiled(BERT, weight("onnx::MatMul_388", lambda array: array * 250_000))
    half = onnx.ModelProto.FromString(large.SerializeToString())

    found = hpass.compare(large, convert_float_to_float16(half, keep_io_types=True))

    assert found.outputs.nan
    assert found.first == "encoder.layer.1.output.dense"


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


def test_models_without_a_common_module_are_refused() -> None:
    def chain(*operators: str) -> onnx.ModelProto:
        text = " ".join(f"v{at + 1} = {operator} (v{at})" for at, operator in enumerate(operators))
        head = f'<ir_version: 8, opset_import: ["" : 17]> g (float[2] v0) => (float[2] v{len(operators)})'
        model = onnx.parser.parse_model(f"{head} {{ {text} }}")
        for node in model.graph.node:
            node.name = f"/{node.op_type.lower()}s/{node.op_type}"
        return model

    with pytest.raises(hpass.HpassError, match="no module in common"):
        hpass.compare(chain("Neg", "Exp", "Sin"), chain("Abs", "Cos", "Sqrt", "Tanh"))


def rename_values(model: onnx.ModelProto) -> None:
    kept = {value.name for value in (*model.graph.input, *model.graph.output)}
    kept |= {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if not name or name in kept else f"{name}_of_another_export" for name in names]


@pytest.mark.slow
def test_values_are_paired_by_their_order_if_no_name_is_left() -> None:
    model = spoiled(BERT, weight("encoder.layer.1.output.dense.bias", noise))
    rename_values(model)

    assert hpass.compare(BERT, model).first == "encoder.layer.1.output.dense"


def test_the_first_node_that_differs_is_named_with_what_the_module_reads_and_writes() -> None:
    found = hpass.compare(CNN, spoiled(CNN, weight("classifier.out.bias", noise)), runs=3)

    assert found.inputs == 3
    assert found.fault is not None
    assert found.fault.node is not None
    assert found.fault.node.operator == "Gemm"
    assert found.fault.node.distance == found.outputs
    assert len(found.fault.reads) == 1
    assert found.weights is not None
    assert found.weights.modules == ("classifier.out",)


def test_random_numbers_are_nobody_s_fault() -> None:
    model = onnx.load(CNN)
    before = next(node for node in model.graph.node if node.op_type == "Gemm")
    drawn = onnx.helper.make_node("RandomNormalLike", [before.input[0]], ["drawn"], name="/classifier/hidden/Random")
    added = onnx.helper.make_node("Add", [before.input[0], "drawn"], ["with_noise"], name="/classifier/hidden/Add")
    for node in (drawn, added):
        node.metadata_props.extend(before.metadata_props)
    before.input[0] = "with_noise"
    nodes = list(model.graph.node)
    at = nodes.index(before)
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:at], drawn, added, *nodes[at:]])

    found = hpass.compare(model, model)

    assert found.random == ["classifier.hidden"]
    assert (found.first, found.agrees) == (None, True)


def test_another_type_can_have_another_threshold() -> None:
    model = spoiled(CNN, weight("classifier.out.bias", noise))

    assert hpass.compare(CNN, model, threshold={"float32": -10.0}).agrees
    assert not hpass.compare(CNN, model, threshold={"float16": -10.0}).agrees
    with pytest.raises(hpass.UsageError, match="no threshold for 'fp16'"):
        hpass.compare(CNN, model, threshold={"fp16": 1.0})


def test_the_weights_need_not_be_compared() -> None:
    assert hpass.compare(CNN, CNN, weights=False).weights is None


def test_all_modules_can_be_measured_although_the_outputs_agree() -> None:
    found = hpass.compare(CNN, CNN, everything=True)

    assert found.agrees
    assert {"features.0.norm", "classifier.out"} < found.modules.keys()
