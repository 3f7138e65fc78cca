"""A chain of stages computes what the whole model computes, and the manifest says what feeds what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest

import hpass
from hpass.analysis.components import strongly_connected
from hpass.extraction.stages import stages
from hpass.graph.verify.runtime_worker import find_inputs

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
SMALL = [path.stem for path in sorted(FIXTURES.glob("*.onnx")) if path.stem not in {"resnet50", "resnet50_torchscript"}]


def test_components() -> None:
    assert sorted(strongly_connected([[1], [2], [1], [0]])) == [[0], [1, 2], [3]]


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", [*SMALL, pytest.param("resnet50", marks=pytest.mark.slow)])
def test_a_chain_computes_the_same(models: Any, tmp_path: Path, name: str, depth: int) -> None:
    whole = FIXTURES / f"{name}.onnx"
    session = models.session(onnx.load(whole, load_external_data=False), FIXTURES)
    inputs, results = find_inputs(session)
    expected = dict(zip([value.name for value in session.get_outputs()], results, strict=True))

    manifest = hpass.split(whole, tmp_path, depth)

    jsonschema.validate(manifest, json.loads((ROOT / "docs" / "stages.schema.json").read_text(encoding="utf-8")))
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8")) == manifest
    written: list[dict[str, Any]] = []
    for stage in manifest["stages"]:
        values = {
            source["name"]: inputs[source["name"]]
            if source["stage"] is None
            else written[source["stage"]][source["name"]]
            for source in stage["inputs"]
        }
        written.append(models.run(onnx.load(tmp_path / stage["file"], load_external_data=False), tmp_path, values))
        assert list(written[-1]) == stage["outputs"]
    for output in manifest["outputs"]:
        result = written[output["stage"]][output["name"]]
        assert result.tobytes() == expected[output["name"]].tobytes()


@pytest.mark.parametrize("name", ["bert_tiny", "hybrid_torchscript", "aux_ops_torchscript"])
def test_every_node_is_in_one_stage_but_copied_ones(fixture: Any, name: str) -> None:
    preparation, chain = stages(fixture(name), 1)

    placed = [index for stage in chain for index in stage.piece.nodes]

    missing = set(range(len(preparation.flow.nodes))) - set(placed)
    assert len(placed) == len(set(placed))
    assert all(preparation.size[index] for index in missing)


def test_modules_in_a_cycle_are_one_stage(models: Any) -> None:
    nodes = '["a"] h = MatMul(x, w) ["b"] i = Exp(h) ["c"] j = MatMul(i, v) ["d"] k = Sin(j) ["e"] y = Add(k, h)'
    extractor = models.of_text(nodes, {"a": "m", "b": "n", "c": "m", "d": "o", "e": "p"}, ["w", "v"])

    _, chain = stages(extractor, 1)

    assert [stage.scopes for stage in chain] == [("m", "n"), ("o",), ("p",)]


def test_calls_are_stages_of_their_own(models: Any) -> None:
    nodes = '["a"] h = MatMul(x, w) ["b"] i = Exp(h) ["c"] y = MatMul(i, w)'
    extractor = models.of_text(nodes, {"a": "m", "b": "n", "c": "m"}, ["w"])

    _, chain = stages(extractor, 1)

    assert [(stage.scopes, stage.call) for stage in chain] == [(("m",), 0), (("n",), None), (("m",), 1)]


def test_what_the_root_runs_is_in_few_stages(models: Any) -> None:
    nodes = '["a"] h = Exp(x) ["b"] i = Sin(h) ["c"] j = MatMul(i, w) ["d"] k = Cos(x) ["e"] y = Add(j, k)'
    extractor = models.of_text(nodes, {"a": "", "b": "", "c": "m", "d": "", "e": ""}, ["w"])

    _, chain = stages(extractor, 1)

    assert [(stage.scopes, stage.piece.nodes) for stage in chain] == [(("",), (0, 1, 3)), (("m",), (2,)), (("",), (4,))]


def test_an_output_that_is_a_weight_is_refused(models: Any, tmp_path: Path) -> None:
    extractor = models.of_text('["a"] y = MatMul(x, w)', {"a": "m"}, ["w"])
    extractor.model.graph.output.add(name="w", type=extractor.model.graph.output[0].type)

    with pytest.raises(hpass.HpassError, match="the output 'w' is a weight, which no stage can compute"):
        hpass.split(extractor.model, tmp_path)


def test_external_data_is_cut_into_the_stages(tmp_path: Path) -> None:
    hpass.split(FIXTURES / "external_data.onnx", tmp_path)

    for path in tmp_path.glob("*.onnx"):
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert sorted(path.name for path in tmp_path.glob("*.data")) == ["00-fc1.onnx.data", "02-fc2.onnx.data"]
    assert (
        np.fromfile(tmp_path / "00-fc1.onnx.data", np.uint8).size < (FIXTURES / "external_data.bin").stat().st_size * 3
    )
