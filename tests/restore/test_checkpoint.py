"""A checkpoint gives names back to weights, and they count as parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import hpass
from hpass import Context, Pass, Source
from hpass.passes.scope_parse import ScopeParse
from hpass.restore.checkpoint import Checkpoint
from hpass.restore.weight_storage import StoredWeight

WEIGHT = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
CHECKPOINT = Checkpoint("c", (StoredWeight("head.fc.weight", WEIGHT.shape, WEIGHT.reshape(-1)),))
TEXT = '<ir_version: 8, opset_import: ["" : 17]> g (float[4,8] x) => (float[4,16] z) {y = MatMul(x, w) z = Relu(y)}'


@pytest.fixture
def nameless() -> onnx.ModelProto:
    """Return a linear layer whose weight, transposed, has lost its name."""
    model = onnx.parser.parse_model(TEXT)
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(WEIGHT.T), "w"))
    return model


def test_a_weight_that_lost_its_name_names_its_readers_module(nameless: onnx.ModelProto) -> None:
    run = hpass.run(nameless, reference=CHECKPOINT)
    tag = run.tag(run.model.graph.nodes[0])
    assert tag is not None
    assert (tag.scope, tag.source) == ("head.fc", Source.PARAMETER)
    assert run.context.tags.reason(run.model.graph.nodes[0]) == "it reads the parameter 'head.fc.weight'"


@dataclass(frozen=True)
class RenameWeight(Pass):
    """Give the only weight another name, which is no parameter's either."""

    name: ClassVar[str] = "rename-weight"
    rewrites: ClassVar[bool] = True

    def apply(self, context: Context) -> None:
        context.graph.nodes[0].inputs[1].name = "renamed"


def test_names_are_given_back_to_the_weights_as_a_pass_left_them(nameless: onnx.ModelProto) -> None:
    context = Context(hpass.load(nameless), reference=CHECKPOINT)
    assert context.evidence.weight_aliases == {"w": "head.fc.weight"}

    RenameWeight().run(context)
    ScopeParse().run(context)

    assert context.evidence.weight_aliases == {"renamed": "head.fc.weight"}
    assert [tag.scope for _, tag in context.tagged_nodes()] == ["head.fc"]


def test_a_file_of_the_form_is_taken_for_a_checkpoint(nameless: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(hpass.UsageError, match=r"none\.safetensors: cannot be read \(No such file or directory\)"):
        hpass.run(nameless, reference=tmp_path / "none.safetensors")
