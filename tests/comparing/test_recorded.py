"""A PyTorch model compared with a file: the calls of its modules are recorded while it runs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from hpass.cli.main import run_command
from hpass.exporter import export, record_values

pytestmark = pytest.mark.torch

DEFINITION = textwrap.dedent("""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.act, self.down, self.norm = nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8), nn.LayerNorm(8)

        def forward(self, x):
            return self.norm(x + self.down(self.act(self.up(x))))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.shared = nn.ModuleList([Block(), Block()]), Block()

        def forward(self, x):
            for layer in self.layers:
                x = self.shared(layer(x))
            return x

    def make():
        torch.manual_seed(0)
        return Net(), torch.randn(2, 5, 8)
""")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the definition and its export."""
    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(DEFINITION)
    export(f"{folder / 'net.py'}:make", folder / "net.onnx")
    return folder


def compared(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    arguments = ["compare", f"{folder / 'net.py'}:make", str(folder / "bad.onnx"), "--json", *options]
    capsys.readouterr()
    status = run_command(arguments)
    return status, json.loads(capsys.readouterr().out)


def spoil(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(folder / "net.onnx")
    change(model)
    onnx.save(model, folder / "bad.onnx")


def wrong_bias(model: onnx.ModelProto) -> None:
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "layers.1.down.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.arange(8, dtype=np.float32), bias.name))


def second_call_without_activation(model: onnx.ModelProto) -> None:
    activations = [node for node in model.graph.node if node.op_type == "Gelu"]
    shared = [node for node in activations if any("'shared.act'" in entry.value for entry in node.metadata_props)]
    shared[1].op_type = "Relu"
    del shared[1].attribute[:]


def test_the_module_is_named_that_computes_something_else_than_in_pytorch(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(exported, wrong_bias)
    status, found = compared(exported, capsys)

    assert status == 3
    assert found["first"] == {"scope": "layers.1.down", "call": None}
    assert found["modules"]["layers.0"]["local"] > 100


def test_the_call_is_told_that_goes_wrong(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(exported, second_call_without_activation)
    status, found = compared(exported, capsys, "--threshold", "100")

    assert status == 3
    assert found["first"] == {"scope": "shared.act", "call": 1}


def test_an_export_agrees_with_its_model_also_on_given_inputs(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(exported, lambda _: None)
    np.savez(exported / "x.npz", x=np.linspace(-1, 1, 80, dtype=np.float32).reshape(2, 5, 8))

    for options in ([], ["--inputs", str(exported / "x.npz")]):
        status, found = compared(exported, capsys, *options)
        assert (status, found["agrees"], found["first"]) == (0, True, None)


def test_each_call_is_recorded_with_what_it_reads_and_writes(exported: Path, tmp_path: Path) -> None:
    recording = record_values(f"{exported / 'net.py'}:make", tmp_path)
    calls = recording.calls["shared.up"]

    assert len(calls) == len(recording.calls["shared"]) == 2
    assert [np.load(path).shape for call in calls for path in (*call.reads, *call.writes)] == [
        (2, 5, 8),
        (2, 5, 16),
    ] * 2
    assert recording.calls["shared"][0].writes == recording.calls["layers.1"][0].reads


def test_options_of_another_model_are_refused(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["compare", f"{exported / 'net.py'}:make", str(exported / "net.onnx"), "--runs", "2"]) == 2
    assert "are for an ONNX model as A" in capsys.readouterr().err
