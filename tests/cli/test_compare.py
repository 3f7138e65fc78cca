"""`hpass compare`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from product import ROOT


@pytest.fixture
def spoiled(model: Path) -> Path:
    made = onnx.load(model)
    tensor = next(tensor for tensor in made.graph.initializer if tensor.name == "classifier.out.bias")
    array = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(array + np.arange(array.size, dtype=array.dtype), tensor.name))
    onnx.save(made, model.with_name("spoiled.onnx"))
    return model.with_name("spoiled.onnx")


def test_the_module_is_named_and_the_status_says_that_they_differ(hpass: Any, model: Path, spoiled: Path) -> None:
    done = hpass("compare", model, spoiled)

    assert done.status == 3
    assert "first module that goes wrong: classifier.out" in done.out
    assert "the weights differ in 1 module: classifier.out" in done.out
    assert "first node that differs: " in done.out


def test_the_command_that_it_prints_extracts_the_module(
    hpass: Any, model: Path, spoiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = next(line for line in hpass("compare", model, spoiled).out.splitlines() if "hpass extract" in line)
    for command in line.partition(":")[2].split("&&"):
        assert hpass(*shlex.split(command)[1:]).status == 0

    assert (tmp_path / "module.onnx").exists()


def test_a_lower_threshold_lets_them_agree(hpass: Any, model: Path, spoiled: Path) -> None:
    assert hpass("compare", model, spoiled, "--threshold", "-100").status == 0


@pytest.mark.parametrize("other", ["spoiled.onnx", "model.onnx"])
def test_the_json_follows_its_schema(hpass: Any, model: Path, spoiled: Path, other: str) -> None:
    found = json.loads(hpass("compare", model, spoiled.with_name(other), "--json").out)

    jsonschema.validate(found, json.loads((ROOT / "docs" / "compare.schema.json").read_text()))
    assert found["agrees"] is (other == "model.onnx")
    assert found["first"] == (None if found["agrees"] else {"scope": "classifier.out", "call": None})


def test_the_optimiser_of_each_side_can_be_chosen(hpass: Any, model: Path) -> None:
    assert hpass("compare", model, model, "--b-level", "all").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "much"], "--threshold much: give a number of decibels"),
        (["--threshold", "nan"], "--threshold nan: give a number of decibels"),
        (["--threshold", "int9=3"], "no threshold for 'int9'; did you mean int8?"),
        (["--threshold", "3", "--threshold", "int8=3"], "--threshold: give one number for all types"),
        (["--runs", "2", "--inputs", "x.npz"], "--runs makes inputs up"),
        (["--a-ep", "None"], "onnxruntime has no NoneExecutionProvider here"),
    ],
)
def test_a_wrong_option_is_one_line(hpass: Any, model: Path, arguments: list[str], message: str) -> None:
    done = hpass("compare", model, model, *arguments)

    assert done.status in {1, 2}
    assert message in done.err
    assert done.err.count("\n") == 1


def test_the_provider_of_each_side_can_be_chosen(hpass: Any, model: Path) -> None:
    assert hpass("compare", model, model, "--a-ep", "CPU", "--b-ep", "CPU", "--runs", "2", "--all").status == 0
