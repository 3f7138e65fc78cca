"""Inputs with which a model runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from hpass import HpassError, Model, UsageError
from hpass.graph.index_limits import index_limits
from hpass.running.dimensions import size_of_expression
from hpass.running.inputs import make_inputs
from hpass.running.settings import ExecutionProvider, parse_dimensions

HEADER = '<ir_version: 10, opset_import: ["": 18]>'
TABLE = "float[5, 4] t = {0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9}"


def opened(text: str) -> Model:
    return Model.open(onnx.parser.parse_model(f"{HEADER} main {text}"))


def made(model: Model, folder: Path, **sizes: int) -> dict[str, np.ndarray]:
    make_inputs(model, folder / "x.npz", sizes)
    with np.load(folder / "x.npz") as arrays:
        return dict(arrays)


def test_ids_are_below_the_size_of_the_table(tmp_path: Path) -> None:
    model = opened(f"(int64[B, N] ids) => (float[B, N, 4] y) <{TABLE}> {{ i = Identity(ids) y = Gather(t, i) }}")
    ids = made(model, tmp_path, B=3, N=40)["ids"]

    assert ids.shape == (3, 40)
    assert set(ids.flat) == {0, 1, 2, 3, 4}


def test_masks_are_ones_and_dimensions_of_a_name_agree(tmp_path: Path) -> None:
    model = opened(
        "(float[B, N] x, bool[B, N] keep, int64[B, N] mask) => (float[B, N] y) "
        "{ f = Cast<to=1>(mask) m = Mul(x, f) z = Neg(x) y = Where(keep, m, z) }"
    )
    inputs = made(model, tmp_path, N=7)

    assert inputs["x"].shape == inputs["mask"].shape == inputs["keep"].shape == (1, 7)
    assert inputs["mask"].all()
    assert inputs["keep"].all()


def test_a_dimension_that_is_a_sum_agrees_with_its_parts(tmp_path: Path) -> None:
    text = '(float["past", 2] p, float["now", 2] n, float["past + now", 2] all) => (float["past + now", 2] y)'
    model = opened(
        f"{text.replace(chr(34), '')} {{ c = Concat<axis=0>(p, n) y = Add(c, all) }}".replace("past + now", "s")
    )
    for value in (model.proto.graph.input[2], model.proto.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "past + now"
    inputs = made(model, tmp_path, past=3, now=5)

    assert inputs["all"].shape == (8, 2)


@pytest.mark.parametrize(
    ("text", "size"),
    [("a", 2), ("a + b", 5), ("a+1", 3), ("7", 7), ("c", None), ("a + c", None), ("a*b", None), ("", None)],
)
def test_sizes_of_expressions(text: str, size: int | None) -> None:
    assert size_of_expression(text, {"a": 2, "b": 3}) == size


def test_limits_follow_what_keeps_the_elements() -> None:
    model = onnx.parser.parse_model(
        f"{HEADER} main (int64[2] a, int64[2] b, int64[2] c, float[3, 9] x) => (float[2, 4] y) <{TABLE}> "
        "{ s = Unsqueeze(a, c) r = Reshape(s, c) y = Gather(t, r) z = Gather<axis=-1>(x, b) }"
    )

    assert index_limits(model) == {"a": 5, "b": 9}


def test_an_unknown_dimension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no input has a free dimension 'M'"):
        made(opened("(float[N] x) => (float[N] y) { y = Neg(x) }"), tmp_path, M=3)


def test_a_model_without_valid_inputs_is_reported(tmp_path: Path) -> None:
    model = opened("(float[3] x) => (float[4] y) <float[4] w = {0, 1, 2, 3}> { y = Add(x, w) }")

    with pytest.raises(HpassError, match="the model: ") as error:
        made(model, tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "x.npz").exists()


def test_an_input_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    model = opened("(seq(float[2]) x) => (int64 y) { y = SequenceLength(x) }")

    with pytest.raises(HpassError, match=r"the input 'x' is no tensor"):
        made(model, tmp_path)


@pytest.mark.parametrize("text", ["x", "=3", "x=", "x=-1", "x=1.5"])
def test_a_size_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write NAME=SIZE"):
        parse_dimensions([text])


def test_sizes_that_contradict_each_other_are_refused() -> None:
    assert parse_dimensions(["x=3", "a + b=4", "x=3"]) == {"x": 3, "a + b": 4}
    with pytest.raises(UsageError, match="contradict each other"):
        parse_dimensions(["x=3", "x=4"])


def test_a_provider_is_read() -> None:
    assert ExecutionProvider.parse("CUDA:device_id=1,x=") == ExecutionProvider(
        "CUDAExecutionProvider", {"device_id": "1", "x": ""}
    )
    assert ExecutionProvider.parse("CPUExecutionProvider").name == "CPUExecutionProvider"
    with pytest.raises(UsageError, match="no name"):
        ExecutionProvider.parse(":a=b")
