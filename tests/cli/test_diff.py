"""hpass diff, and --reference on the commands that take it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def optimised(model: Path) -> Path:
    """Return the path of the same model without a name on any node, its last one replaced."""
    proto = onnx.load(model)
    for node in proto.graph.node:
        node.name = ""
    proto.graph.node[-1].op_type = "MatMul"
    path = model.with_name("optimised.onnx")
    onnx.save(proto, path)
    return path


def test_a_model_does_not_differ_from_its_tagged_self(hpass: Any, model: Path) -> None:
    assert hpass("run", model, "-o", model.with_name("tagged.onnx")).status == 0
    result = hpass("diff", model, model.with_name("tagged.onnx"))
    assert (result.status, result.out.splitlines()[-1]) == (0, "no difference in modules")


def test_what_differs_is_told_module_by_module(hpass: Any) -> None:
    result = hpass("diff", FIXTURES / "bert_tiny.onnx", FIXTURES / "bert_tiny_torchscript.onnx")
    assert result.status == 3
    assert "nodes 126 -> 278, modules 33 -> 33\n" in result.out
    assert "  ~ encoder.layer.*.intermediate.intermediate_act_fn (GELUActivation): 1 -> 8 nodes: -1 Gelu" in result.out


def test_as_json(hpass: Any, model: Path) -> None:
    result = hpass("diff", model, FIXTURES / "simple_cnn.onnx", "--json")
    assert result.status == 3
    assert json.loads(result.out)["after"]["nodes"] == 10


def test_a_file_that_is_none(hpass: Any, model: Path) -> None:
    result = hpass("diff", model, "none.onnx")
    assert (result.status, result.err) == (1, "hpass: none.onnx: there is no such file\n")


def test_run_restores_tags_from_a_reference(hpass: Any, model: Path, optimised: Path) -> None:
    result = hpass("run", optimised, "--reference", model, "--json")
    sources = json.loads(result.out)["totals"]["sources"]
    assert sources["reference"] == sum(sources.values())


def test_show_says_what_a_new_node_replaces(hpass: Any, model: Path, optimised: Path) -> None:
    last = len(onnx.load(model).graph.node) - 1
    entry = json.loads(hpass("show", optimised, f"#{last}", "--reference", model, "--json").out)[0]
    assert entry["reason"].startswith("it replaces Gemm '/classifier/out/Gemm' of the reference")


def test_tree_takes_a_reference(hpass: Any, model: Path, optimised: Path) -> None:
    assert hpass("tree", optimised, "--reference", model).out == hpass("tree", model).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reference", "none.onnx"], "none.onnx: there is no such file"),
        (["--reference", "none.safetensors"], "none.safetensors: cannot be read"),
        (["--reference", "{copy}", "-o", "{copy}"], "would overwrite --reference"),
    ],
)
def test_a_reference_that_does_not_do(hpass: Any, model: Path, arguments: list[str], said: str) -> None:
    copy = shutil.copy(model, model.with_name("copy.onnx"))
    result = hpass("run", model, *(argument.format(copy=copy) for argument in arguments))
    assert result.status in (1, 2)
    assert said in result.err
    assert len(result.err.splitlines()) == 1
