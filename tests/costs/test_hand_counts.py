"""Costs of single operators, counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx.parser
import pytest

import hpass

M = "com.microsoft"


def amounts(inputs: str, nodes: str, **sizes: int) -> hpass.Cost:
    text = f'<ir_version: 10, opset_import: ["": 23, "{M}": 1]> main ({inputs}) => (y) {{ {nodes} }}'
    return hpass.cost(onnx.parser.parse_model(text), sizes=sizes)


def macs(inputs: str, nodes: str) -> Any:
    total = amounts(inputs, nodes).total
    assert total.unknown == 0
    return total.macs


@pytest.mark.parametrize(
    ("inputs", "nodes", "expected"),
    [
        ("float[2, 3, 4] a, float[4, 5] b", "y = MatMul(a, b)", 2 * 3 * 4 * 5),
        ("float[7, 1, 3, 4] a, float[6, 4, 5] b", "y = MatMul(a, b)", 7 * 6 * 3 * 4 * 5),
        ("float[4] a, float[4] b", "y = MatMul(a, b)", 4),
        ("float[3, 4] a, float[4] b", "y = MatMul(a, b)", 3 * 4),
        ("float[4, 3] a, float[5, 4] b", "y = Gemm <transA=1, transB=1> (a, b)", 3 * 4 * 5),
        ("uint8[3, 4] a, uint8[4, 5] b", "y = MatMulInteger(a, b)", 3 * 4 * 5),
        ("float[2, 3, 8, 8] x, float[6, 3, 3, 3] w", "y = Conv(x, w)", 2 * 6 * 6 * 6 * 3 * 3 * 3),
        ("float[2, 4, 8] x, float[6, 2, 3] w", "y = Conv <group=2, pads=[1, 1]> (x, w)", 2 * 6 * 8 * 2 * 3),
        ("float[2, 4, 8] x, float[4, 3, 2] w", "y = ConvTranspose <strides=[2], group=2> (x, w)", 2 * 4 * 8 * 3 * 2),
        (
            "uint8[1, 3, 5, 5] x, float s, uint8 z, int8[4, 3, 1, 1] w, int8 v",
            "y = QLinearConv(x, s, z, w, s, v, s, z)",
            4 * 5 * 5 * 3,
        ),
        ("uint8[3, 4] a, float s, uint8 z, uint8[4, 5] b", "y = QLinearMatMul(a, s, z, b, s, z, s, z)", 3 * 4 * 5),
    ],
)
def test_products_and_convolutions(inputs: str, nodes: str, expected: int) -> None:
    assert macs(inputs, nodes) == expected


@pytest.mark.parametrize(
    ("inputs", "nodes", "expected"),
    [
        # 2 directions, 5 steps, batch 3, input 4, hidden 6.
        ("float[5, 3, 4] x, float[2, 24, 4] w, float[2, 24, 6] r", "LSTM", 2 * 5 * 3 * 4 * 6 * (4 + 6)),
        ("float[5, 3, 4] x, float[2, 18, 4] w, float[2, 18, 6] r", "GRU", 2 * 5 * 3 * 3 * 6 * (4 + 6)),
        ("float[5, 3, 4] x, float[2, 6, 4] w, float[2, 6, 6] r", "RNN", 2 * 5 * 3 * 6 * (4 + 6)),
    ],
)
def test_recurrent_operators(inputs: str, nodes: str, expected: int) -> None:
    assert macs(inputs, f'y = {nodes} <hidden_size=6, direction="bidirectional"> (x, w, r)') == expected


def test_the_other_operations_of_an_lstm() -> None:
    found = amounts("float[5, 3, 4] x, float[1, 24, 4] w, float[1, 24, 6] r", "y = LSTM <hidden_size=6> (x, w, r)")

    # Four gates of two additions and an activation, c = f * c + i * g, h = o * tanh(c).
    assert found.total.flops == 5 * 3 * 6 * (4 * 3 + 3 + 2)


@pytest.mark.parametrize(
    ("inputs", "nodes", "expected"),
    [
        # Batch 2, 4 heads, 5 queries, 7 keys, heads of 8 and of 16.
        ("float[2, 4, 5, 8] q, float[2, 4, 7, 8] k, float[2, 4, 7, 16] v", "Attention(q, k, v)", 2 * 4 * 5 * 7 * 24),
        (
            "float[2, 5, 32] q, float[2, 7, 16] k, float[2, 7, 32] v",
            "Attention <q_num_heads=4, kv_num_heads=2> (q, k, v)",
            2 * 4 * 5 * 7 * (8 + 16),
        ),
        (
            "float[2, 4, 1, 8] q, float[2, 4, 1, 8] k, float[2, 4, 1, 8] v, float[2, 4, 6, 8] pk, float[2, 4, 6, 8] pv",
            "Attention(q, k, v, , pk, pv)",
            2 * 4 * 1 * 7 * 16,
        ),
    ],
)
def test_attention_of_onnx(inputs: str, nodes: str, expected: int) -> None:
    assert macs(inputs, f"y = {nodes}") == expected


@pytest.mark.parametrize(
    ("inputs", "nodes", "expected"),
    [
        # Batch 2, length 5, width 16, 4 heads: projections, scores, values.
        ("float[2, 5, 16] x, float[16, 48] w", "Attention <num_heads=4> (x, w)", 2 * 5 * 16 * 48 + 2 * 5 * 5 * 32),
        (
            "float[2, 5, 16] q, float[2, 7, 16] k, float[2, 7, 16] v",
            "MultiHeadAttention <num_heads=4> (q, k, v)",
            2 * 5 * 7 * 32,
        ),
        ("float[4, 3] a, float[5, 4] b", "FusedMatMul <transA=1, transB=1> (a, b)", 3 * 4 * 5),
        ("float[2, 64] a, uint8[5, 2, 16] b, float[10] s", "MatMulNBits <K=64, N=5> (a, b, s)", 2 * 64 * 5),
    ],
)
def test_operators_of_onnxruntime(inputs: str, nodes: str, expected: int) -> None:
    output = {"Attention": "[2, 5, 16]", "MultiH": "[2, 5, 16]", "FusedM": "[3, 5]", "MatMul": "[2, 5]"}
    shape = next(shape for name, shape in output.items() if nodes.startswith(name))
    text = (
        f'<ir_version: 10, opset_import: ["": 21, "{M}": 1]> main ({inputs}) => (float{shape} y) {{ y = {M}.{nodes} }}'
    )
    total = hpass.cost(onnx.parser.parse_model(text)).total

    assert (total.macs, total.unknown) == (expected, 0)


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("bhqd,bhkd->bhqk", ["2, 3, 4, 5", "2, 3, 6, 5"], {"macs": 2 * 3 * 4 * 6 * 5, "flops": 0}),
        ("ij,jk", ["2, 3", "3, 4"], {"macs": 2 * 3 * 4, "flops": 0}),
        ("...ij,...jk->...ik", ["7, 2, 3", "7, 3, 4"], {"macs": 7 * 2 * 3 * 4, "flops": 0}),
        ("ij,jk,kl->il", ["2, 3", "3, 4", "4, 5"], {"macs": 2 * 3 * 4 + 2 * 4 * 5, "flops": 0}),
        ("i,j->ij", ["2", "3"], {"macs": 0, "flops": 2 * 3}),
        ("ij->i", ["2, 3"], {"macs": 0, "flops": 2 * 3}),
        ("ij->ji", ["2, 3"], {"macs": 0, "flops": 0}),
        # j is summed over in the first operand alone.
        ("ij,k->ik", ["2, 3", "4"], {"macs": 0, "flops": 2 * 3 + 2 * 4}),
    ],
)
def test_einsum(equation: str, shapes: list[str], expected: Mapping[str, int]) -> None:
    inputs = ", ".join(f"float[{shape}] x{index}" for index, shape in enumerate(shapes))
    names = ", ".join(f"x{index}" for index in range(len(shapes)))
    total = amounts(inputs, f'y = Einsum <equation="{equation}"> ({names})').total

    assert {"macs": total.macs, "flops": total.flops} == expected
    assert total.unknown == 0


@pytest.mark.parametrize(
    ("nodes", "flops", "moved"),
    [
        ("y = Add(x, x)", 12, 3 * 48),
        ("y = Softmax(x)", 60, 2 * 48),
        ("y = Shape(x)", 0, 0),
        ("y = Transpose(x)", 0, 2 * 48),
        ("y = ReduceSum(x)", 12, 48 + 4),
        ("y = Max(x, x, x)", 24, 4 * 48),
        ("y = Cast <to=10> (x)", 0, 48 + 24),
    ],
)
def test_other_operators(nodes: str, flops: int, moved: int) -> None:
    total = amounts("float[3, 4] x", nodes).total

    assert (total.flops, total.activation_bytes, total.unknown) == (flops, moved, 0)


def test_intensity_is_operations_for_each_byte() -> None:
    total = amounts("float[2, 3] a, float[3, 4] b", "y = MatMul(a, b)").total

    assert total.intensity == 2 * 24 / (4 * (6 + 12 + 8))
