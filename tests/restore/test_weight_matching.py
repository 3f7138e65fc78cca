"""Weights of the same content under other names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from hpass import HpassError, Model
from hpass.restore.weight_matching import match_weights
from hpass.restore.weight_storage import StoredWeight, checkpoint_weights, model_weights

Array = np.ndarray[Any, Any]
CHANCE = np.random.default_rng(7)
MATRIX = CHANCE.normal(size=(24, 40)).astype(np.float32)
SQUARE = CHANCE.normal(size=(32, 32)).astype(np.float32)
KERNEL = CHANCE.normal(size=(8, 6, 3, 3)).astype(np.float32)
VECTOR = CHANCE.normal(size=48).astype(np.float32)
OLD = {"matrix": MATRIX, "square": SQUARE, "kernel": KERNEL, "vector": VECTOR}
OTHERS = {f"other {name}": CHANCE.normal(size=array.shape).astype(np.float32) for name, array in OLD.items()}


def stored(arrays: dict[str, Array]) -> list[StoredWeight]:
    return [StoredWeight(name, array.shape, array.reshape(-1)) for name, array in arrays.items()]


def quantised(array: Array) -> Array:
    scale = np.abs(array).max() / 127
    return np.clip(np.round(array / scale), -128, 127).astype(np.int8)


def with_offset(array: Array) -> Array:
    low, high = array.min(), array.max()
    return np.round((array - low) / (high - low) * 255).astype(np.uint8)


def scaled(array: Array, axis: int) -> Array:
    factors = np.linspace(-2, 3, array.shape[axis]) + 0.01
    return array * np.moveaxis(factors.reshape(-1, *[1] * (array.ndim - 1)), 0, axis)


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array,
        lambda array: np.ascontiguousarray(array.T),
        lambda array: array.astype(np.float16),
        lambda array: array.astype(ml_dtypes.bfloat16),
        lambda array: array * 8,
        quantised,
        with_offset,
    ],
    ids=["same", "transposed", "float16", "bfloat16", "scaled", "quantised", "quantised with an offset"],
)
def test_a_weight_is_found_by_its_content(name: str, change: Callable[[Array], Array]) -> None:
    assert match_weights(stored(OLD | OTHERS), stored({"lost": change(OLD[name])})) == {"lost": name}


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("matrix", scaled(MATRIX, 0)),
        ("matrix", scaled(MATRIX, 1).T.copy()),
        ("kernel", scaled(KERNEL, 0)),
        ("square", SQUARE.reshape(32, 32, 1, 1)),
    ],
    ids=["by row", "by column", "by channel", "as a convolution"],
)
def test_scales_of_each_channel_and_axes_of_one_do_not_hide_it(name: str, lost: Array) -> None:
    assert match_weights(stored(OLD | OTHERS), stored({"lost": lost})) == {"lost": name}


@pytest.mark.parametrize(
    ("old", "lost"),
    [
        ({"a": MATRIX, "b": MATRIX.copy()}, MATRIX),
        ({"a": np.ones((8, 8))}, np.ones((8, 8))),
        ({"a": np.full((8, 8), 0.1)}, np.full((8, 8), 0.1)),
        ({"a": MATRIX}, OTHERS["other matrix"]),
        ({"a": MATRIX}, MATRIX[:12]),
        ({"a": VECTOR[:4]}, VECTOR[:4]),
        ({"a": np.full((8, 8), np.nan)}, np.full((8, 8), np.nan)),
    ],
    ids=["two alike", "constant", "rounded constant", "another", "a part", "too small", "not numbers"],
)
def test_what_may_be_chance_is_no_match(old: dict[str, Array], lost: Array) -> None:
    assert match_weights(stored(old), stored({"lost": lost})) == {}


def test_weights_are_read_from_the_message_and_from_external_data(tmp_path: Path) -> None:
    floats = helper.make_tensor("floats", onnx.TensorProto.FLOAT, [4], [1, 2, 3, 4])
    tensors = [numpy_helper.from_array(MATRIX, "raw"), numpy_helper.from_array(SQUARE, "beside"), floats]
    graph = helper.make_graph([], "g", [], [], tensors)
    model = helper.make_model(graph)
    convert_model_to_external_data(model, location="data.bin", size_threshold=4000)
    onnx.save(model, tmp_path / "model.onnx")
    weights = {weight.name: weight.elements() for weight in model_weights(Model.open(tmp_path / "model.onnx"))}
    np.testing.assert_array_equal(weights["raw"], MATRIX.reshape(-1))
    np.testing.assert_array_equal(weights["beside"], SQUARE.reshape(-1))
    np.testing.assert_array_equal(weights["floats"], [1, 2, 3, 4])


def safetensors(path: Path, arrays: dict[str, Array]) -> Path:
    names = {"float32": "F32", "bfloat16": "BF16"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": names[str(array.dtype)], "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_a_checkpoint_is_read_by_name(tmp_path: Path) -> None:
    half = VECTOR.astype(ml_dtypes.bfloat16)
    path = safetensors(tmp_path / "model.safetensors", {"a.weight": MATRIX, "a.bias": half})
    first, second = checkpoint_weights(path)
    assert (first.name, first.shape) == ("a.weight", (24, 40))
    np.testing.assert_array_equal(first.elements(), MATRIX.reshape(-1))
    np.testing.assert_array_equal(second.elements(), half)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64, (8).to_bytes(8, "little") + b"[1,2,3] "])
def test_what_is_no_checkpoint_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(HpassError, match=r"^.*broken\.safetensors: not a safetensors checkpoint.*$"):
        checkpoint_weights(path)
