"""hpass extract: the files that it writes, and what it says about them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
BERT = FIXTURES / "bert_tiny_torchscript.onnx"


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Return the path of inputs for BERT."""
    ids = np.arange(14).reshape(2, 7)
    np.savez(tmp_path / "x.npz", input_ids=ids, attention_mask=np.ones_like(ids), unused=ids)
    return tmp_path / "x.npz"


def follows(text: str, schema: str) -> Any:
    """Return JSON that follows a schema of docs/."""
    found = json.loads(text)
    jsonschema.validate(found, json.loads((ROOT / "docs" / schema).read_text(encoding="utf-8")))
    return found


def test_one_module(hpass: Any, tmp_path: Path) -> None:
    result = hpass("extract", FIXTURES / "bert_tiny.onnx", "encoder.layer.0", "-o", tmp_path / "layer.onnx")

    assert result.status == 0, result.err
    assert result.out.splitlines()[1:3] == [
        "  reads   layer_norm: float[s72, s53, 128]",
        "  reads   bitwise_and_1: bool[s72, 1, s53, s53]",
    ]
    onnx.checker.check_model(tmp_path / "layer.onnx", full_check=True)


def test_several_modules_are_files_of_a_folder(hpass: Any, tmp_path: Path) -> None:
    result = hpass("extract", BERT, "encoder.layer.0", "pooler", "-o", tmp_path / "parts", "--json")

    found = follows(result.out, "extract.schema.json")
    assert [module["scope"] for module in found["modules"]] == ["encoder.layer.0", "pooler"]
    assert [Path(module["file"]) for module in found["modules"]] == sorted((tmp_path / "parts").iterdir())


def test_one_module_goes_into_a_folder_that_ends_with_a_slash(hpass: Any, tmp_path: Path) -> None:
    result = hpass("extract", BERT, "pooler", "-o", f"{tmp_path}/parts/")

    assert result.status == 0, result.err
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["pooler.onnx"]


def test_a_call(hpass: Any, tmp_path: Path) -> None:
    result = hpass("extract", FIXTURES / "hybrid.onnx", "blocks.0", "--call", "1", "-o", tmp_path)

    assert result.status == 0, result.err
    assert ": blocks.0, call 1 of 2, 29 nodes\n" in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["blocks.0.call1.onnx"]


def test_a_chain(hpass: Any, tmp_path: Path) -> None:
    result = hpass("extract", BERT, "--depth", "1", "-o", tmp_path / "stages", "--json")

    found = follows(result.out, "stages.schema.json")
    assert found == json.loads((tmp_path / "stages" / "manifest.json").read_text(encoding="utf-8"))
    assert {stage["file"] for stage in found["stages"]} | {"manifest.json"} == {
        path.name for path in (tmp_path / "stages").iterdir()
    }


def test_recorded_inputs_reproduce_the_outputs(hpass: Any, tmp_path: Path, inputs: Path) -> None:
    result = hpass("extract", BERT, "encoder.layer.1", "-o", tmp_path / "layer.onnx", "--inputs", inputs)

    assert result.status == 0, result.err
    done = subprocess.run([sys.executable, tmp_path / "layer.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["encoder.layer.1 of bert_tiny_torchscript.onnx", "onnx::Gather_352 is identical"],
    )


def test_a_recorded_output_that_differs_is_shown(hpass: Any, tmp_path: Path, inputs: Path) -> None:
    hpass("extract", BERT, "pooler", "-o", tmp_path / "pooler.onnx", "--inputs", inputs)
    with np.load(tmp_path / "pooler.outputs.npz") as loaded:
        np.savez(tmp_path / "pooler.outputs.npz", **{name: value + 1 for name, value in loaded.items()})

    done = subprocess.run([sys.executable, tmp_path / "pooler.py"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "355 differs by at most 1.0" in done.stdout


def test_inputs_on_which_the_model_does_not_run(hpass: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", input_ids=np.zeros((2, 7), np.int64))

    result = hpass("extract", BERT, "pooler", "-o", tmp_path / "p.onnx", "--inputs", tmp_path / "x.npz")

    assert (result.status, result.out) == (1, "")
    assert "x.npz lacks the input 'attention_mask'" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_values_inside_a_subgraph_cannot_be_recorded(hpass: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 4), np.float32))

    model = FIXTURES / "control_flow_names.onnx"
    result = hpass("extract", model, "gate.up.act", "-o", tmp_path / "p.onnx", "--inputs", tmp_path / "x.npz")

    assert result.status == 1
    assert "'gate.up.act' runs inside a subgraph, whose values cannot be recorded" in result.err


def test_a_name_cannot_become_code(hpass: Any, tmp_path: Path) -> None:
    scope = '"""\nraise SystemExit(9)\n"""'
    made = onnx.load(FIXTURES / "simple_cnn.onnx")
    for node in made.graph.node:
        node.metadata_props.add(key="hpass.scope", value=scope)
    del made.metadata_props[:]
    onnx.save(made, tmp_path / "hostile.onnx")
    np.savez(tmp_path / "x.npz", image=np.zeros((1, 3, 16, 16), np.float32))

    result = hpass(
        "extract", tmp_path / "hostile.onnx", scope, "-o", tmp_path / "p.onnx", "--inputs", tmp_path / "x.npz"
    )

    assert result.status == 0, result.err
    done = subprocess.run([sys.executable, tmp_path / "p.py"], capture_output=True, check=False)
    assert done.returncode == 0
