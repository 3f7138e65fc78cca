"""External data: the ranges that a module reads are copied, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import hpass
from hpass.errors import HpassError

FIXTURES = Path(__file__).parents[2] / "fixtures"


def test_the_ranges_of_the_weights_are_copied(tmp_path: Path) -> None:
    whole = onnx.load(FIXTURES / "external_data.onnx")
    expected = {weight.name: onnx.numpy_helper.to_array(weight) for weight in whole.graph.initializer}

    hpass.extract(FIXTURES / "external_data.onnx", "fc2").save(tmp_path / "fc2.onnx")

    graph = onnx.load(tmp_path / "fc2.onnx").graph
    assert len(graph.initializer) == 2
    for weight in graph.initializer:
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(weight), expected[weight.name])


def test_data_larger_than_a_message_can_be(tmp_path: Path) -> None:
    """A sparse file of 5 GiB, whose last bytes are the weight."""
    size, offset = 64, 5 << 30
    weight = onnx.TensorProto(name="m.weight", data_type=onnx.TensorProto.FLOAT, dims=[4, 4], data_location="EXTERNAL")
    for key, value in (("location", "w.bin"), ("offset", str(offset)), ("length", str(size))):
        weight.external_data.add(key=key, value=value)
    made = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 18]> g (float[4, 4] x) => (float[4, 4] y) {'
        '["/m/MatMul"] h = MatMul(x, m.weight) ["/n/Relu"] y = Relu(h) }'.replace("m.weight", '"m.weight"')
    )
    made.graph.initializer.append(weight)
    onnx.save(made, tmp_path / "model.onnx")
    with (tmp_path / "w.bin").open("wb") as file:
        file.seek(offset)
        file.write(np.arange(16, dtype=np.float32).tobytes())

    hpass.extract(tmp_path / "model.onnx", "m").save(tmp_path / "m.onnx")

    (copied,) = onnx.load(tmp_path / "m.onnx").graph.initializer
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(copied).ravel(), np.arange(16))
    assert (tmp_path / "m.onnx.data").stat().st_size == size


def test_an_old_output_is_replaced_with_its_data(tmp_path: Path) -> None:
    for scope in ("fc1", "fc2"):
        hpass.extract(FIXTURES / "external_data.onnx", scope).save(tmp_path / "m.onnx")

    assert len(onnx.load(tmp_path / "m.onnx").graph.initializer) == 2


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("offset", "x", "the external data of 'fc1.weight' has no valid place in its file"),
        ("offset", "-1", "has no valid place in its file"),
        ("length", "-1", "has no valid place in its file"),
        ("length", "99999999", "external_data.bin: is shorter than the model says"),
    ],
)
def test_a_wrong_place_in_external_data(tmp_path: Path, key: str, value: str, said: str) -> None:
    whole = onnx.load(FIXTURES / "external_data.onnx", load_external_data=False)
    (weight,) = (weight for weight in whole.graph.initializer if weight.name == "fc1.weight")
    kept = [entry for entry in weight.external_data if entry.key != key]
    del weight.external_data[:]
    weight.external_data.extend(kept)
    weight.external_data.add(key=key, value=value)
    onnx.save(whole, tmp_path / "model.onnx")
    shutil.copy(FIXTURES / "external_data.bin", tmp_path)
    module = hpass.extract(tmp_path / "model.onnx", "fc1")

    with pytest.raises(HpassError, match=said):
        module.save(tmp_path / "fc1.onnx")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["external_data.bin", "model.onnx"]


def test_a_file_that_is_not_ours_is_kept(tmp_path: Path) -> None:
    (tmp_path / "m.onnx.data").write_text("mine")

    with pytest.raises(HpassError, match=r"m.onnx.data: exists, but is the name of the model's external data"):
        hpass.extract(FIXTURES / "external_data.onnx", "fc1").save(tmp_path / "m.onnx")

    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx.data"]
    assert (tmp_path / "m.onnx.data").read_text() == "mine"
