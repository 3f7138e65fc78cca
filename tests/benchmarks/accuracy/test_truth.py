"""What the accuracy benchmark measures against, on graphs small enough to know the answer."""

from __future__ import annotations

import onnx
import pytest
from onnx import parser

from benchmarks.accuracy import baselines, hide
from benchmarks.accuracy.optimised_truth import Truth, optimised_truth
from benchmarks.accuracy.score import hierarchical_f1, kind_of_mistake
from benchmarks.accuracy.serves import serves_truth


def model(body: str, weights: str = "") -> onnx.ModelProto:
    return parser.parse_model(f"""
        <ir_version: 10, opset_import: ["" : 20]>
        main (float[N, 4] x) => (float[N, 4] z) <{weights}> {{ {body} }}
    """)


LINEAR = """
    m = MatMul(x, "a.query.weight")
    y = Add(m, "a.query.bias")
    z = Reshape(y, shape)
"""
LINEAR_TRUTH = ["a.query", "a.query", "a"]


@pytest.mark.parametrize(
    ("optimised", "expected"),
    [
        pytest.param(LINEAR, [("a.query", False), ("a.query", False), ("a", False)], id="nothing changed"),
        pytest.param(
            'r = Reshape(x, shape) g = Gemm(r, "a.query.weight", "a.query.bias") z = Reshape(g, shape)',
            [("a.query", True), ("a.query", True), ("a", False)],
            id="a Gemm between Reshapes stands for MatMul and Add, and the last Reshape was kept",
        ),
        pytest.param(
            'g = Gemm(x, "a.query.weight", "a.query.bias") z = Identity(g)',
            [("a", True), ("a", True)],
            id="what replaced the whole region is the common ancestor of it",
        ),
        pytest.param(
            'q, s, p = DynamicQuantizeLinear(x) i = MatMulInteger(q, "a.query.weight_q", p) f = Cast <to = 1> (i)'
            'm = Mul(f, s) y = Add(m, "a.query.bias") z = Reshape(y, shape)',
            [*[("a.query", True)] * 4, ("a.query", False), ("a", False)],
            id="quantised: all new nodes stand for the MatMul",
        ),
        pytest.param(
            'q = QuantizeLinear(x, scale) d = DequantizeLinear(q, scale) m = MatMul(d, "a.query.weight")'
            'y = Add(m, "a.query.bias") z = Reshape(y, shape)',
            [("a.query", True), ("a.query", True), ("a.query", False), ("a.query", False), ("a", False)],
            id="inserted before a kept node: they serve it",
        ),
        pytest.param(
            "other = Relu(x) z = Reshape(x, shape)",
            [(None, True), ("a", False)],
            id="what leads to nothing of the original has no truth",
        ),
    ],
)
def test_truth_after_an_optimiser(optimised: str, expected: list[tuple[str | None, bool]]) -> None:
    assert optimised_truth(model(LINEAR), LINEAR_TRUTH, model(optimised)) == [Truth(*pair) for pair in expected]


def test_a_shape_read_on_the_way_does_not_widen_the_region() -> None:
    original = model("a = MatMul(x, w) b = MatMul(x, v) s = Shape(a) c = Reshape(b, s) z = Add(a, c)")
    optimised = model("a2 = Gemm(x, w) b = MatMul(x, v) s2 = Shape(a2) c = Reshape(b, s2) z = Add(a2, c)")
    truth = optimised_truth(original, ["left", "right", "", "right", ""], optimised)
    assert truth[0] == Truth("left", new=True)


HIDDEN = """
    "/a/MatMul_output_0" = MatMul(x, "a.weight")
    "/b/Cast_output_0" = Cast <to = 1> ("/a/MatMul_output_0")
    z = Mul("/a/MatMul_output_0", "/b/Cast_output_0")
"""


def named() -> onnx.ModelProto:
    made = model(HIDDEN, 'float[4, 4] "a.weight" = {0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}')
    for node, name in zip(made.graph.node, ("/a/MatMul", "/b/Cast", "/Mul"), strict=True):
        node.name = name
        node.doc_string = f"made by {name}"
        node.metadata_props.add(key="namespace", value=name)
    made.graph.value_info.add(name="/b/Cast_output_0")
    made.metadata_props.add(key="signature", value="/b/Cast_output_0")
    return made


def test_hiding_leaves_no_name_of_the_chosen_nodes_and_all_others() -> None:
    hidden = hide.hide(named(), [1])
    assert [node.name for node in hidden.graph.node] == ["/a/MatMul", "hidden_1", "/Mul"]
    assert list(hidden.graph.node[2].input) == ["/a/MatMul_output_0", "hidden_1_out0"]
    assert hide.leaks(named(), hidden, [1]) == set()
    assert not hidden.metadata_props
    assert not hidden.graph.value_info


def test_hiding_everything_renames_graph_outputs_and_keeps_parameter_names() -> None:
    hidden = hide.hide(named(), [0, 1, 2], {"a"})
    assert hidden.graph.output[0].name == hidden.graph.node[2].output[0] == "hidden_2_out0"
    assert hidden.graph.initializer[0].name == "a.weight"
    assert hide.hide(named(), [0], {"other"}).graph.initializer[0].name == "hidden_weight_0"


def test_a_leak_is_found() -> None:
    assert hide.leaks(named(), named(), [1]) == {"/b/Cast", "/b/Cast_output_0", "metadata of node 1"}


def test_equal_parameters_are_found() -> None:
    made = model("z = Add(x, x)", 'float[1] "a.bias" = {1}, float[1] "b.bias" = {1}, float[1] constant = {1}')
    for tensor in made.graph.initializer:
        tensor.ClearField("float_data")
        tensor.raw_data = b"\0\0\x80\x3f"
    assert hide.equal_parameters(made, {"a", "b"}) == [("a.bias", "b.bias")]


@pytest.mark.parametrize(
    ("truth", "scope", "f1"),
    [
        ("a.b", "a.b", 1.0),
        ("a.b", "a", 2 / 3),
        ("a.b", "a.c", 0.5),
        ("a.b", "", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
        ("a", None, 0.0),
    ],
)
def test_hierarchical_f1(truth: str, scope: str | None, f1: float) -> None:
    assert hierarchical_f1(truth, scope) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("truth", "scope", "kind"),
    [
        ("a.b", None, "no scope"),
        ("a.b", "a", "too shallow"),
        ("a", "", "too shallow"),
        ("a", "a.b", "too deep"),
        ("", "a", "too deep"),
        ("a.b", "a.bc", "sibling"),
        ("a.b", "c.b", "elsewhere"),
    ],
)
def test_kinds_of_mistakes(truth: str, scope: str | None, kind: str) -> None:
    assert kind_of_mistake(truth, scope) == kind


def test_simple_methods() -> None:
    chain = model("p = Relu(x) q = Neg(p) r = Abs(q) z = Add(r, p)")
    visible = {0: "a.b", 2: "a.c"}
    assert baselines.root(chain, visible) == ["a.b", "", "a.c", ""]
    assert baselines.consumers(chain, visible) == ["a.b", "a.c", "a.c", ""]
    assert baselines.emission_order(chain, visible) == ["a.b", "a", "a.c", ""]


def test_at_best_a_module_is_named_that_a_visible_node_or_a_parameter_names() -> None:
    made = model("z = Relu(x)")
    made.graph.initializer.add(name="a.b.weight")

    assert baselines.named(["a", "a.b", "a.c", "d.e", "d", None], made, {7: "d"}) == ["a", "a.b", "", "", "d", ""]


def test_what_a_mask_serves() -> None:
    mask = model("u = Cast <to = 1> (x) m = Mul(u, u) p = Add(m, x) q = Add(m, p) z = Relu(q)")
    truth = ["", "", "encoder.layer.0", "encoder.layer.1", "head"]
    assert serves_truth(mask, truth, [0], {"", "encoder", "encoder.layer.0"}) == {0: "encoder"}
    assert serves_truth(mask, truth, [0], {"", "encoder.layer.0"}) == {}
