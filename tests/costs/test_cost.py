"""The cost of whole models."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper

import hpass
from hpass import HpassError, UsageError

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.onnx"))


def cost(text: str, **sizes: int) -> hpass.Cost:
    return hpass.cost(
        onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 18, "local": 1]> {text}'), sizes=sizes
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_modules_add_up(name: str) -> None:
    found = hpass.cost(FIXTURES / f"{name}.onnx")
    own = [module.own for module in found.modules.values()]

    assert found.modules[""].all == found.total
    assert sum(amounts.macs for amounts in own) == found.total.macs
    assert sum(amounts.flops for amounts in own) == found.total.flops
    assert sum(amounts.activation_bytes for amounts in own) == found.total.activation_bytes
    assert sum(amounts.unknown for amounts in own) == found.total.unknown
    assert sum(operator.macs for operator in found.operators.values()) == found.total.macs
    assert found.total.parameters <= sum(amounts.parameters for amounts in own)


def test_bert_by_hand() -> None:
    # Two layers of hidden size 128 and inner size 64, batch 2 of 16 tokens: linear layers, attention, the pooler.
    layers = 2 * 32 * (4 * 128 * 128 + 2 * 128 * 64)
    attention = 2 * 2 * 16 * 16 * 2 * 128

    found = hpass.cost(FIXTURES / "bert_tiny.onnx", sizes={"s72": 2, "s53": 16})

    assert found.total.macs == layers + attention + 2 * 128 * 128
    assert found.modules["pooler.dense"].all.macs == 2 * 128 * 128
    assert found.modules["pooler.dense"].all.parameters == 128 * 128 + 128


def test_a_formula_becomes_the_number() -> None:
    formula = hpass.cost(FIXTURES / "bert_tiny.onnx").total.macs
    number = hpass.cost(FIXTURES / "bert_tiny.onnx", sizes={"s72": 3, "s53": 10}).total.macs

    assert str(formula) == "512*s53**2*s72 + 163840*s53*s72 + 16384*s72"
    assert formula.subs({symbol: {"s72": 3, "s53": 10}[symbol.name] for symbol in formula.free_symbols}) == number


def test_both_exporters_of_a_model_agree() -> None:
    dynamo = hpass.cost(FIXTURES / "resnet50.onnx", sizes={"s99": 2, "s4": 64, "s100": 64}).total
    torchscript = hpass.cost(FIXTURES / "resnet50_torchscript.onnx", sizes={"batch": 2}).total

    assert dynamo.macs == torchscript.macs
    assert dynamo.unknown == torchscript.unknown == 0


def test_a_shared_parameter_counts_once_in_the_model_and_in_each_module() -> None:
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"], name="/a/MatMul"),
            helper.make_node("MatMul", ["h", "w"], ["y"], name="/b/MatMul"),
        ],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 4])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 4], [0.0] * 16)],
    )
    found = hpass.cost(helper.make_model(graph))

    assert found.total.parameters == 16
    assert found.total.parameter_bytes == 64
    assert {scope: module.all.parameters for scope, module in found.modules.items()} == {"": 16, "a": 16, "b": 16}


def test_external_weights_are_not_read(tmp_path: Path) -> None:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4096, 4096], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "w.bin"), ("length", str(4 * 4096**2))):
        weight.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4096])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight],
    )
    (tmp_path / "model.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with (tmp_path / "w.bin").open("wb") as data:
        data.truncate(4 * 4096**2)

    found = hpass.cost(tmp_path / "model.onnx").total

    assert (found.macs, found.parameters, found.unknown) == (4096**2, 4096**2, 0)


def test_an_if_costs_its_dearer_branch() -> None:
    found = cost(
        """main (float[4, 4] x, bool c) => (float[4, 4] y) {
            y = If (c) <
                then_branch = t () => (float[4, 4] r) { r = Neg(x) },
                else_branch = e () => (float[4, 4] r) { r = MatMul(x, x) }
            >
        }"""
    ).total

    assert (found.macs, found.flops, found.unknown) == (64, 0, 0)
    assert found.nodes == {"If": 1, "Neg": 1, "MatMul": 1}


LOOP = """main (float[4, 4] x, int64 n, bool c) => (float[4, 4] y) {{
    trips = Constant <value = int64 {{ 3 }}> ()
    yes = Constant <value = bool {{ 1 }}> ()
    y = Loop ({inputs}, x) <body = b (int64 i, bool given, float[4, 4] h) => (bool go, float[4, 4] r) {{
        go = {condition}
        r = MatMul(h, h)
    }}>
}}"""


@pytest.mark.parametrize(
    ("inputs", "condition", "expected"),
    [
        ("trips, ", "Identity(given)", (3 * 64, 0)),
        ("trips, yes", "Identity(given)", (3 * 64, 0)),
        ("trips, yes", "Identity(yes)", (3 * 64, 0)),
        ("n, yes", "Identity(given)", (0, 1)),
        ("trips, c", "Identity(given)", (0, 1)),
    ],
)
def test_a_loop_costs_its_trips_if_they_are_known(inputs: str, condition: str, expected: tuple[int, int]) -> None:
    found = cost(LOOP.format(inputs=inputs, condition=condition)).total

    assert (found.macs, found.unknown) == expected


def test_a_scan_costs_its_steps() -> None:
    found = cost(
        """main (float[length, 4] xs, float[4] s) => (float[4] last, float[length, 4] ys) {
            last, ys = Scan (s, xs) <
                num_scan_inputs = 1,
                body = b (float[4] h, float[4] x) => (float[4] r, float[4] out) { r = Add(h, x) out = Identity(r) }
            >
        }"""
    )

    assert str(found.total.flops) == "4*length"
    assert found.free == ("length",)


def test_a_function_costs_once_for_each_call() -> None:
    found = cost(
        """main (float[4, 4] x) => (float[4, 4] y) { h = local.square(x) y = local.square(h) }
        <opset_import: ["": 18], domain: "local"> square (a) => (b) { b = MatMul(a, a) }"""
    ).total

    assert found.macs == 2 * 64


def test_shape_arithmetic_is_followed() -> None:
    # Pads that are sliced and transposed, as TorchScript writes them.
    found = cost(
        """main (float[2, 6] x) => (y) {
            pads = Constant <value = int64[4] { 0, 1, 0, 1 }> ()
            rows = Constant <value = int64[2] { -1, 2 }> ()
            flat = Constant <value = int64[1] { -1 }> ()
            pairs = Reshape(pads, rows)
            turned = Transpose(pairs)
            back = Transpose(turned)
            line = Reshape(back, flat)
            wide = Pad(x, line)
            y = Relu(wide)
        }"""
    ).total

    assert (found.flops, found.unknown) == (2 * 8, 0)


def test_what_is_not_known_is_counted() -> None:
    found = cost(
        "main (float[4, 4] x, float[?, 4] z) => (y, v) { h = local.Unheard(x) k = Relu(x) y = Add(h, k) v = Neg(z) }"
    )

    assert found.total.flops == 16
    assert {name: operator.unknown for name, operator in found.operators.items() if operator.unknown} == {
        "Add": 1,
        "Neg": 1,
        "local::Unheard": 1,
    }


def test_inner_types_of_fixed_sizes_do_not_hide_a_free_dimension() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 18]>
        main (float[batch, 4] x) => (float[batch, 4] y) { h = Relu(x) y = Neg(h) }"""
    )
    model.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, 4]))

    assert str(hpass.cost(model).total.flops) == "8*batch"


def test_an_unknown_dimension_is_refused() -> None:
    with pytest.raises(UsageError, match="has no free dimension 's54'; did you mean s53"):
        hpass.cost(FIXTURES / "bert_tiny.onnx", sizes={"s54": 2})
    with pytest.raises(UsageError, match="-1 is no size of the dimension 's53'"):
        hpass.cost(FIXTURES / "bert_tiny.onnx", sizes={"s53": -1})


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(HpassError, match=r"x\.onnx"):
        hpass.cost(tmp_path / "x.onnx")


def test_sizes_beyond_all_tensors_are_not_known() -> None:
    axes = ", ".join(["4611686018427387904"] * 300)

    assert cost(f"main (float[{axes}] x) => (y) {{ y = Relu(x) }}").total.unknown == 1
