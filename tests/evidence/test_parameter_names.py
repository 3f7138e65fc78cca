"""Parameters: the owner that a name tells, and which nodes read it."""

from __future__ import annotations

import pytest
from text_models import model

from hpass import Model
from hpass.evidence.parameter_names import label, parameter_owner
from hpass.evidence.parameter_uses import ParameterUses


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("fc.weight", "fc"),
        ("encoder.layer.0.fc.bias", "encoder.layer.0.fc"),
        ("0.weight", "0"),
        ("0.1.bias", "0.1"),
        ("1.5e-3", None),
        ("0.0.1", None),
        ("layers.0", None),
        ("a.prompts.0", "a"),
        ("a.prompts.0.1", "a"),
        ("a.weight_quantized", "a"),
        ("a.weight_scale", "a"),
        ("heads.a/b.weight", "heads.a/b"),
        ("conv2d_0.w_0", "conv2d_0"),
        ("conv2d_0.b_0", "conv2d_0"),
        ("weight", None),
        ("", None),
        ("a.", None),
        (".weight", None),
        ("a..weight", None),
        ("onnx::MatMul_3", None),
        ("val_3", None),
        ("0.5", None),
        ("/a/Constant_output_0", None),
        ("a b.weight", None),
    ],
)
def test_the_owner_of_a_parameter(name: str, owner: str | None) -> None:
    assert parameter_owner(name) == owner


@pytest.mark.parametrize(
    ("name", "end"),
    [("a", "a"), ("a.b", "b"), ("a.layer.0", "layer.0"), ("a.layer.0.1", "layer.0.1"), ("0", "0"), ("0.1", "0.1")],
)
def test_the_label_of_a_name(name: str, end: str) -> None:
    assert label(name) == end


def readings(nodes: str, *parameters: str) -> dict[str, list[str]]:
    opened = Model.open(model(nodes, parameters=parameters))
    weights = ParameterUses(opened)
    return {node.name: [reading.parameter for reading in weights.of(node)] for node in opened.nodes()}


def aside(nodes: str, *parameters: str) -> dict[str, list[str]]:
    weights = ParameterUses(Model.open(model(nodes, parameters=parameters)))
    return {node.name: [reading.parameter for reading in found] for node, found in weights.non_local()}


def test_a_node_reads_its_parameters_in_the_order_of_its_inputs() -> None:
    assert readings('["n"] y = Gemm(x, "a.weight", "a.bias")', "a.bias", "a.weight") == {"n": ["a.weight", "a.bias"]}


@pytest.mark.parametrize("op", ["Identity", "Transpose", "Cast", "DequantizeLinear", "Unsqueeze", "Reshape"])
def test_an_operation_that_passes_a_weight_on_hands_its_name_on(op: str) -> None:
    found = readings(f'["p"] v = {op}("a.weight") ["q"] w = {op}(v) ["n"] y = MatMul(x, w)', "a.weight")

    assert found == {"p": ["a.weight"], "q": ["a.weight"], "n": ["a.weight"]}


def test_an_operation_that_computes_hands_nothing_on() -> None:
    assert readings('["p"] v = Mul("a.weight", x) ["n"] y = MatMul(x, v)', "a.weight") == {"p": ["a.weight"], "n": []}


def test_the_scale_of_a_weight_is_not_handed_on() -> None:
    found = readings('["d"] v = DequantizeLinear(x, "a.weight_scale") ["n"] y = MatMul(x, v)', "a.weight_scale")

    assert found == {"d": [], "n": []}


def test_an_identity_s_output_has_the_parameter_s_own_name() -> None:
    found = readings('["i"] "b.bias" = Identity("a.bias") ["n"] y = Add(x, "b.bias")', "a.bias")

    assert found == {"i": ["b.bias"], "n": ["b.bias"]}


def test_a_weight_is_read_across_regions() -> None:
    found = readings(
        '["t"] w = Transpose("a.weight") ["if"] y = If(x) <then_branch = t () => (float[1] u)'
        ' { ["then"] u = MatMul(x, w) }, else_branch = e () => (float[1] v) { ["else"] v = Add(x, "a.bias") }>',
        "a.weight",
        "a.bias",
    )

    assert found == {"t": ["a.weight"], "if": [], "then": ["a.weight"], "else": ["a.bias"]}


def test_a_module_called_again_reads_its_weight_again() -> None:
    nodes = '["1"] v = MatMul(x, "a.weight") ["2"] y = MatMul(v, "a.weight")'

    assert readings(nodes, "a.weight") == {"1": ["a.weight"], "2": ["a.weight"]}
    assert aside(nodes, "a.weight") == {}


def test_a_tied_weight_is_read_aside() -> None:
    nodes = '["1"] v = Gather("a.weight", x) ["2"] y = MatMul(v, "a.weight")'

    assert readings(nodes, "a.weight") == {"1": ["a.weight"], "2": []}
    assert aside(nodes, "a.weight") == {"2": ["a.weight"]}


def test_a_node_that_something_was_folded_into_reads_aside() -> None:
    nodes = '["n"] y = Conv(x, "a.weight", "a.weight_bias")'

    assert readings(nodes, "a.weight", "a.weight_bias") == {"n": []}
    assert aside(nodes, "a.weight", "a.weight_bias") == {"n": ["a.weight", "a.weight_bias"]}


def test_a_parameter_that_nobody_reads_has_an_owner_all_the_same() -> None:
    weights = ParameterUses(Model.open(model('["n"] y = Relu(x)', parameters=["a.b.weight", "c.bias", "scale"])))

    assert weights.owners() == ["a.b", "c"]
