"""Names of nodes and values: which hold a path, and what tools put around one."""

from __future__ import annotations

import pytest

from hpass.evidence.node_names import LabelPath, ModulePath, aten_operator, read_name
from hpass.evidence.tool_affixes import without_affixes


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("/Relu", ()),
        ("/Relu_12", ()),
        ("/a/Relu", ("a",)),
        ("/a/layer.0/Relu_3", ("a", "layer.0")),
        ("/a/Relu_output_0", ("a",)),
        ("/a/Relu_3_output_1", ("a",)),
        ("/a/a.0/a.0.1/Conv", ("a", "a.0", "a.0.1")),
        ("/a/b_1/Add", ("a", "b_1")),
        ("/a/MatMul_quant", ("a",)),
        ("/a/Conv_output_0_QuantizeLinear", ("a",)),
        ("/a/Conv_output_0_DequantizeLinear_Output", ("a",)),
        ("/a/Conv_output_0_QuantizeLinear_Input", ("a",)),
        ("/a/Conv_output_0_scale", ("a",)),
        ("/a/Conv_output_0_zero_point", ("a",)),
        ("/a/Relu_output_0_cast_to_fp16", ("a",)),
        ("/a/MatMul/MatMulAddFusion", ("a",)),
        ("/a/Slice_1/GatherSliceToSplitFusion", ("a",)),
        ("/a/Gather/GatherSliceToSplitFusion_1", ("a",)),
        ("/a/Mul/QuickGeluFusion/", ("a",)),
        ("/a/MatMul_1/MatmulTransposeFusion//MatMulScaleFusion/", ("a",)),
        ("/a/Conv_output_0/DuplicateQ_1", ("a",)),
        ("graph_input_cast_0_/a/Relu", ("a",)),
        ("InsertedPrecisionFreeCast_/a/Relu_output_0", ("a",)),
        ("fused /a/Conv", ("a",)),
    ],
)
def test_torchscript_s_labels(name: str, labels: tuple[str, ...]) -> None:
    assert read_name(name) == LabelPath(labels)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("model/dense/MatMul", ("model", "dense")),
        ("model/dense/BiasAdd:0", ("model", "dense")),
        ("model/dense/MatMul__34:0", ("model", "dense")),
        ("StatefulPartitionedCall/model/dense/MatMul", ("model", "dense")),
        ("StatefulPartitionedCall_1/StatefulPartitionedCall/dense/Relu", ("dense",)),
        ("PartitionedCall/dense/Relu", ("dense",)),
        ("jax2tf_apply/Encoder/Dense_0/dot_general", ("jax2tf_apply", "Encoder", "Dense_0")),
        ("conv2d_3.tmp_0", ("conv2d_3",)),
        ("batch_norm_0.tmp_2", ("batch_norm_0",)),
    ],
)
def test_other_frameworks_layers(name: str, layers: tuple[str, ...]) -> None:
    assert read_name(name) == ModulePath(layers)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "//",
        "Relu_12",
        "node_linear_3",
        "val_17",
        "onnx::MatMul_12",
        "a.b.weight",
        "layer.tmp",
        "a b/c d/e",
        "StatefulPartitionedCall/Relu",
        "a/",
        "//Relu",
    ],
)
def test_names_that_hold_no_path(name: str) -> None:
    assert read_name(name) in (None, LabelPath(()))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a", "a"),
        ("", ""),
        ("_quant", "_quant"),
        ("a_quant", "a"),
        ("a.weight_quantized", "a.weight"),
        ("a.weight_scale", "a.weight"),
        ("a_QuantizeLinear_QuantizeInput", "a"),
        ("a_DequantizeLinear_Output_2", "a"),
        ("a_cast_to_fp16_quant", "a"),
        ("a__12__34:0", "a"),
        ("layer_norm", "layer_norm"),
        ("layer.12", "layer.12"),
    ],
)
def test_affixes_come_off_until_none_is_left(name: str, plain: str) -> None:
    assert without_affixes(name) == plain
    assert without_affixes(plain) == plain


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("node_silu", "silu"),
        ("node_layer_norm_12", "layer_norm"),
        ("node_conv2d_1", "conv2d"),
        ("node_Sigmoid_157", None),
        ("/a/node_silu", None),
        ("node_", None),
        ("Relu_1", None),
    ],
)
def test_torch_export_names_nodes_after_operators_of_aten(name: str, operator: str | None) -> None:
    assert aten_operator(name) == operator
