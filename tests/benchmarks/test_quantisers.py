"""What the benchmark of quantisers takes for a float."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

from benchmarks.quantisers.measure import Check, Result, Sample
from benchmarks.quantisers.methods import METHODS
from benchmarks.quantisers.precision import products

HEADER = '<ir_version: 10, opset_import: ["": 21]> main (float[2, 2] x) => (float[2, 2] y)'
WEIGHT = "float[2, 2] w = {1, 2, 3, 4}"


def reduced(text: str) -> dict[str, bool]:
    model = onnx.parser.parse_model(text)
    return {product.name: product.reduced for product in products(model, frozenset(("n", "m_quant")))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f'{HEADER} <{WEIGHT}> {{ ["n"] y = MatMul(x, w) }}', {"n": False}, id="a float"),
        pytest.param(
            f"{HEADER} <int8[2, 2] w = {{1, 2, 3, 4}}, float s = {{1}}>"
            ' { f = DequantizeLinear(w, s) t = Transpose(f) ["n"] y = MatMul(x, t) }',
            {"n": True},
            id="a dequantised weight behind an operator that moves",
        ),
        pytest.param(
            f'{HEADER} <{WEIGHT}> {{ h = Cast<to=10>(x) v = Cast<to=10>(w) ["n"] z = MatMul(h, v) y = Cast<to=1>(z) }}',
            {"n": True},
            id="another type",
        ),
        pytest.param(
            f'{HEADER} <{WEIGHT}> {{ ["n_MatMul"] h = MatMul(x, w) ["m_quant"] y = MatMul(h, w) }}',
            {"n": False, "m_quant": False},
            id="a suffix that a quantiser wrote, and one that was there before",
        ),
    ],
)
def test_a_product_is_a_float_or_reduced(text: str, expected: dict[str, bool]) -> None:
    assert reduced(text) == expected


@pytest.mark.parametrize(
    ("reduced_inside", "by_name", "by_tag", "exact"),
    [
        (2, Check(2, 3), Check(2, 3), True),
        (2, Check(1, 3), Check(2, 3), False),
        (2, Check(2, 3), Check(2, 2), False),
        (0, Check(2, 3), Check(2, 3), False),
    ],
)
def test_a_result_is_exact_if_the_module_and_nothing_else_stays_float(
    reduced_inside: int, by_name: Check, by_tag: Check, *, exact: bool
) -> None:
    sample = Sample(Path("model.onnx"), "module")

    assert Result(METHODS[0], sample, "1.0", 2, reduced_inside, 3, by_name, by_tag).is_exact == exact
