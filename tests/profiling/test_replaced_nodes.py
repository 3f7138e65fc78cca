"""Which original nodes a node of an optimised graph replaced: graphs as ONNX text, before and after."""

from __future__ import annotations

import pytest
from text_models import model

from hpass.graph.flat_nodes import FlatGraph
from hpass.profiling.replaced_nodes import replacements


def replaced(original: str, optimised: str, parameters: tuple[str, ...] = ()) -> dict[str, set[str]]:
    before, after = (FlatGraph.of(model(text, parameters=parameters).graph) for text in (original, optimised))
    return {found.node.name: {node.name for node in found.replaced} for found in replacements(before, after)}


@pytest.mark.parametrize(
    ("original", "optimised", "expected"),
    [
        pytest.param(
            '["a"] h = Relu(x) ["b"] y = Tanh(h)',
            '["a"] h = Relu(x) ["b"] y = Tanh(h)',
            {"a": {"a"}, "b": {"b"}},
            id="kept nodes",
        ),
        pytest.param(
            '["m"] p = MatMul(x, w) ["a"] s = Add(p, b) ["r"] y = Relu(s)',
            '["fused"] y = Gemm(x, w, b)',
            {"fused": {"m", "a", "r"}},
            id="a fusion",
        ),
        pytest.param(
            '["m"] p = MatMul(x, w) ["r"] y = Relu(p)',
            '["m"] y = FusedMatMul(x, w)',
            {"m": {"m", "r"}},
            id="a fusion under the name of a part",
        ),
        pytest.param(
            '["p"] h = Neg(x) ["m"] y = MatMul(h, w)',
            '["m"] y = MatMul(x, w)',
            {"m": {"p", "m"}},
            id="a node before a kept one was taken in",
        ),
        pytest.param(
            '["one"] h = Relu(x) ["two"] i = Relu(x) ["a"] y = Add(h, i)',
            '["one"] h = Relu(x) ["a"] y = Add(h, h)',
            {"one": {"one"}, "a": {"a"}},
            id="a duplicate was removed",
        ),
        pytest.param(
            '["s"] n = Shape(x) ["c"] t = ConstantOfShape(n) ["m"] p = MatMul(x, w) ["a"] y = Add(p, t)',
            '["fused"] y = Gemm(x, w, folded)',
            {"fused": {"m", "a"}},
            id="what depends on the shape alone was folded",
        ),
        pytest.param(
            '["m"] p = MatMul(x, w) ["a"] y = Add(p, b)',
            '["first"] q = Scale(x) ["second"] y = Gemm(q, w, b)',
            {"first": {"m", "a"}, "second": {"m", "a"}},
            id="two nodes replaced the same ones",
        ),
        pytest.param(
            '["c"] h = Conv(x, w) ["r"] y = Relu(h)',
            '["i"] z = ReorderInput(x) ["h_nchwc"] v = Conv(z, w) ["o"] h = ReorderOutput(v) ["r"] y = Relu(h)',
            {"i": {"c"}, "h_nchwc": {"c"}, "o": {"c"}, "r": {"r"}},
            id="another layout",
        ),
        pytest.param(
            '["c"] h = Conv(x, w) ["s"] g = Sigmoid(h) ["m"] i = Mul(h, g) ["d"] y = Conv(i, w)',
            '["h_nchwc"] z = Conv(x, w) ["QuickGelu"] q = QuickGelu(z) ["y_nchwc"] v = Conv(q, w) '
            '["o"] y = ReorderOutput(v)',
            {"h_nchwc": {"c"}, "QuickGelu": {"s", "m"}, "y_nchwc": {"d"}, "o": {"d"}},
            id="a fusion without a name between two nodes in another layout",
        ),
        pytest.param(
            '["a"] s = Add(x, b) ["q"] t = QuantizeLinear(s, w) ["d"] y = DequantizeLinear(t, w)',
            '["fused"] n = QLinearAdd(x, b, w) ["d"] y = DequantizeLinear(n, w)',
            {"fused": {"a", "q"}, "d": {"d"}},
            id="a fusion that writes a new value for a node that kept its name",
        ),
        pytest.param(
            '["t"] i = Transpose(x) ["a"] j = Relu(i) ["u"] k = Transpose(j) ["m"] y = MatMul(k, w)',
            '["a"] a_moved = Relu(x) ["m"] y = MatMul(a_moved, w)',
            {"a": {"t", "a"}, "m": {"u", "m"}},
            id="a node that was moved past a Transpose",
        ),
        pytest.param(
            '["c"] h = Conv(x, w) ["a"] s = Add(h, x) ["r"] y = Relu(s)',
            '["h_nchwc"] z = Conv<activation="Relu">(x, w, b, x) ["o"] y = ReorderOutput(z)',
            {"h_nchwc": {"c", "a", "r"}, "o": {"c", "a", "r"}},
            id="another layout with what is added and the activation",
        ),
        pytest.param(
            '["c"] h = Conv(x, w) ["a"] s = Add(h, x) ["r"] y = Relu(s)',
            '["h_nchwc"] z = Conv<activation="Relu">(x, w, , x) ["o"] y = ReorderOutput(z)',
            {"h_nchwc": {"c", "a", "r"}, "o": {"c", "a", "r"}},
            id="another layout with what is added and the activation, without a bias",
        ),
        pytest.param(
            '["i"] v = Identity(b) ["m"] p = MatMul(x, w) ["a"] y = Add(p, v)',
            '["fused"] y = Gemm(x, w, b)',
            {"fused": {"m", "a"}},
            id="a weight that several modules share",
        ),
        pytest.param(
            '["t"] v = Transpose(w) ["m"] y = MatMul(x, v)',
            '["t"] v = Transpose(w) ["m"] y = MatMul(x, v)',
            {"t": {"t"}, "m": {"m"}},
            id="what reads a weight alone, and is left as it is",
        ),
    ],
)
def test_original_nodes_between_named_values(original: str, optimised: str, expected: dict[str, set[str]]) -> None:
    assert replaced(original, optimised, ("w", "b")) == expected


def test_the_bodies_of_a_kept_node() -> None:
    body = "then_branch = t () => (float[4, 4] o) {{ {} }}, else_branch = e () => (float[4, 4] o) {{ {} }}"
    before = body.format('["n"] q = Neg(x) ["r"] o = Relu(q)', '["t"] o = Tanh(x)')
    after = body.format('["fused"] o = Clip(x)', '["t"] o = Tanh(x)')
    found = replaced(
        f'["c"] k = Cast<to=9>(x) ["if"] y = If(k)<{before}>', f'["c"] k = Cast<to=9>(x) ["if"] y = If(k)<{after}>'
    )

    assert found == {"c": {"c"}, "if": {"if"}, "fused": {"n", "r"}, "t": {"t"}}
