"""A runtime reads large values from the model's own file, as external data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from hpass.graph.model import Model
from hpass.graph.walk import all_tensors

WEIGHT = np.random.default_rng(0).standard_normal((32, 32), np.float32)
FLOATS = helper.make_tensor("floats", TensorProto.FLOAT, WEIGHT.shape, WEIGHT.reshape(-1))
FOLDER_KEY = "session.model_external_initializers_file_folder_path"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a model with large values in initializers, in constants, in a subgraph and in a function."""
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 20, "local" : 1]>
        g (float[32, 32] x, bool c) => (float[32, 32] y) {
            h = MatMul (x, raw)
            k = Add (h, floats)
            l = local.F (k)
            m = If (c) <then_branch = t () => (float[32, 32] a) { a = MatMul (l, inner) },
                        else_branch = e () => (float[32, 32] b) { b = Identity (l) }>
            n = Constant <value = float[1] {0.0}> ()
            y = Add (m, n) }
        <domain: "local", opset_import: ["" : 20]> F (u) => (w) {
            v = Constant <value = float[1] {0.0}> ()
            w = Sub (u, v) }"""
    )
    model.graph.initializer.extend([numpy_helper.from_array(WEIGHT, "raw"), FLOATS])
    model.graph.node[3].attribute[0].g.initializer.append(numpy_helper.from_array(WEIGHT.T, "inner"))
    model.graph.node[4].attribute[0].t.CopyFrom(numpy_helper.from_array(WEIGHT + 1))
    model.functions[0].node[0].attribute[0].t.CopyFrom(numpy_helper.from_array(WEIGHT - 1))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def outputs(model: onnx.ModelProto, folder: Path) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(FOLDER_KEY, str(folder))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": WEIGHT, "c": np.array(True)})


def test_a_runtime_reads_the_values_in_the_file(path: Path) -> None:
    opened = Model.open(path)
    model = opened.for_runtime()
    assert {tensor.name for tensor in all_tensors(model) if uses_external_data(tensor)} == {"raw", "inner", ""}
    assert model.ByteSize() < path.stat().st_size - 2 * WEIGHT.nbytes
    np.testing.assert_array_equal(outputs(model, path.parent), outputs(onnx.load(path), path.parent))
    assert opened.placeholders is not None
    assert opened.proto == onnx.load(path)


def test_any_reader_of_external_data_finds_the_values(path: Path) -> None:
    model = Model.open(path).for_runtime()
    load_external_data_for_model(model, str(path.parent))
    for tensor in all_tensors(model):
        # The reader keeps what is the default.
        tensor.ClearField("data_location")
    assert model == onnx.load(path)


@pytest.mark.parametrize("place", ["link", "replaced", "removed", "not utf-8"])
def test_all_values_are_in_the_message_if_they_are_not_in_the_file_at_the_path(path: Path, place: str) -> None:
    complete = onnx.load(path)
    named = path.with_name("link.onnx" if place == "link" else "bad\udcff.onnx" if place == "not utf-8" else path.name)
    if place == "link":
        named.symlink_to(path)
    elif place == "not utf-8":
        path.rename(named)
    opened = Model.open(named)
    if place == "replaced":
        other = path.with_name("other")
        other.write_bytes(b"other")
        other.replace(path)
    elif place == "removed":
        path.unlink()
    assert opened.for_runtime() == complete


def test_a_message_is_returned_as_it_is(path: Path) -> None:
    opened = Model.open(onnx.load(path))
    assert opened.for_runtime() is opened.proto
