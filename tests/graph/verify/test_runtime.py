"""Two models are run side by side, and whatever a model does, an answer comes back."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from hpass.graph.verify import runtime_worker
from hpass.graph.verify.runtime import Comparison, ComparisonOutcome, compare

HEADER = '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>\n'


def model(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(HEADER + text)


def compared(original: str, changed: str, seconds: float = 20) -> Comparison:
    return compare(model(original), model(changed), seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "g (float[2, 3] x) => (float[2, 3] y) { y = Relu(x) }",
        "g (float[N, M] x, float[M, N] w) => (float[N, N] y) { y = MatMul(x, w) }",
        "g (float[N, C, H, W] x) => (y) <float[4, 3, 1, 1] w = {1,2,3,4,5,6,7,8,9,10,11,12}> { y = Conv(x, w) }",
        "g (string[N] x) => (string[N] y) { y = Identity(x) }",
        "g (seq(float[2]) x) => (int64 y) { y = SequenceLength(x) }",
        "g (float[2] x) => (seq(float[2]) y) { y = SequenceConstruct(x, x) }",
        "g (bool x, float16[2] a, uint8[2] b) => (bool y, float16[2] c, uint8[2] d) {y = Not(x) c = Neg(a) d = Abs(b)}",
        "g (float[2] x, int64[N] i) => (float[N] y) { y = Gather(x, i) }",
        "g (float[2,2] x) => (seq(map(int64, float)) y) { y = ai.onnx.ml.ZipMap<classlabels_int64s=[1,2]>(x) }",
        "g (optional(float[2]) x) => (bool y) { y = OptionalHasElement(x) }",
        "g () => (float[1] y) { y = Constant<value = float[1] {-0.0}>() }",
    ],
)
def test_a_model_is_identical_to_itself(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model(text).SerializeToString())
    source = {"path": str(path), "folder": str(tmp_path)}

    # Not in a process of its own: each takes half a second to start.
    assert runtime_worker.compare(source, source) == ("identical", "", None)


def test_a_difference_names_the_output() -> None:
    text = "g (float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Abs(x) }"
    result = compared(text, text.replace("Abs", "Neg"))
    assert (result.outcome, result.output) == (ComparisonOutcome.DIFFERENT, "z")
    assert not result.ok
    assert str(result).startswith("different at output 'z': ")


def test_one_bit_is_a_difference() -> None:
    text = "g () => (float[2] y) { y = Constant<value = float[2] {1.0, 0.0}>() }"
    result = compared(text, text.replace(" 0.0", " -0.0"))
    assert result == (ComparisonOutcome.DIFFERENT, "1 of 2 elements differ", "y")


def test_a_changed_model_that_does_not_run_is_different() -> None:
    good = "g (float[2] x) => (float[2] y) { y = Relu(x) }"
    result = compared(good, good.replace("Relu", "NoSuchOperator"))
    assert result.outcome is ComparisonOutcome.DIFFERENT
    assert result.reason.startswith("the original runs, the changed model does not: ")


def test_outputs_of_other_names_are_a_difference() -> None:
    good = "g (float[2] x) => (float[2] y) { y = Relu(x) }"
    assert compared(good, good.replace("y", "z")).reason == "the outputs have other names"


IN_THE_GRAPH = "g (float[2] x) => (float[8] y) { y = RandomNormal<shape = [8], seed = 1.0>() }"
IN_A_SUBGRAPH = """g (bool c) => (float[8] y) { y = If(c) <
    then_branch = t () => (float[8] a) { a = RandomUniform<shape = [8], seed = 1.0>() },
    else_branch = e () => (float[8] b) { b = RandomUniform<shape = [8], seed = 1.0>() }> }"""


@pytest.mark.parametrize("text", [IN_THE_GRAPH, IN_A_SUBGRAPH])
def test_random_operators_are_exempt_and_named(text: str) -> None:
    result = compared(text, text.replace("seed = 1.0", "seed = 2.0"))
    assert result.outcome is ComparisonOutcome.RANDOM
    assert "Random" in result.reason
    assert result.ok


def test_an_original_that_does_not_run_gives_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x08\x12")
    result = compare(broken, broken)
    assert result.outcome is ComparisonOutcome.NOT_RUNNABLE
    assert "protobuf parsing failed" in result.reason
    assert "\n" not in result.reason


def test_a_type_without_inputs_is_not_runnable() -> None:
    text = "g (bfloat16[2] x) => (float[2] y) { y = Cast<to = 1>(x) }"
    reason = "no inputs of type tensor(bfloat16) can be generated"
    assert compared(text, text) == (ComparisonOutcome.NOT_RUNNABLE, reason, None)


def test_a_model_that_hangs_is_ended() -> None:
    # Two nested loops of 2**62 rounds.
    text = """g (float[1] x) => (float[1] y) <int64 n = {4611686018427387904}, bool c = {1}> {
        y = Loop(n, c, x) <body = b (int64 i, bool ci, float[1] a) => (bool co, float[1] r) {
            co = Identity(ci) r = Neg(a) }> }"""
    began = time.monotonic()

    assert compared(text, text, seconds=1).outcome is ComparisonOutcome.TIMED_OUT
    assert time.monotonic() - began < 15


def test_a_model_that_asks_for_too_much_memory_is_an_answer() -> None:
    text = "g (float[1000000, 1000000, 1000] x) => (float[N, M, K] y) { y = Relu(x) }"
    assert compared(text, text).outcome is ComparisonOutcome.NOT_RUNNABLE


def test_external_data_is_found_beside_a_file_and_in_a_message_s_folder(tmp_path: Path) -> None:
    text = "g (float[4] x) => (float[4] y) <float[4] w = {1, 2, 3, 4}> { y = Add(x, w) }"
    external = model(text)
    weight = external.graph.initializer[0]
    weight.raw_data = np.array([1, 2, 3, 4], np.float32).tobytes()
    del weight.float_data[:]
    path = tmp_path / "model.onnx"
    onnx.save(external, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    message = onnx.load(path, load_external_data=False)
    assert compare(path, message, tmp_path).outcome is ComparisonOutcome.IDENTICAL
    assert compare(model(text), path).outcome is ComparisonOutcome.IDENTICAL
    assert compare(message, message).outcome is ComparisonOutcome.NOT_RUNNABLE
