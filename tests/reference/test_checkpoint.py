"""A checkpoint gives names back to weights, and they count as parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import hpass
from hpass import Source
from hpass.reference.checkpoint import Checkpoint
from hpass.reference.stored import StoredWeight

WEIGHT = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
TEXT = '<ir_version: 8, opset_import: ["" : 17]> g (float[4,8] x) => (float[4,16] z) {y = MatMul(x, w) z = Relu(y)}'


@pytest.fixture
def nameless() -> onnx.ModelProto:
    """Return a linear layer whose weight, transposed, has lost its name."""
    model = onnx.parser.parse_model(TEXT)
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(WEIGHT.T), "w"))
    return model


def test_a_weight_that_lost_its_name_names_its_readers_module(nameless: onnx.ModelProto) -> None:
    checkpoint = Checkpoint("c", (StoredWeight("head.fc.weight", WEIGHT.shape, WEIGHT.reshape(-1)),))
    run = hpass.run(nameless, reference=checkpoint)
    tag = run.tag(run.model.graph.nodes[0])
    assert tag is not None
    assert (tag.scope, tag.source) == ("head.fc", Source.PARAMETER)
    assert run.context.reason(run.model.graph.nodes[0]) == "it reads the parameter 'head.fc.weight'"


def test_a_file_of_the_form_is_taken_for_a_checkpoint(nameless: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(hpass.UsageError, match=r"none\.safetensors: cannot be read \(No such file or directory\)"):
        hpass.run(nameless, reference=tmp_path / "none.safetensors")
