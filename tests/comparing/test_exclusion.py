"""Modules to exclude from a conversion: what is promised of them is what comes of really excluding them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from onnxruntime.quantization import quantize_dynamic
from product import ROOT

import hpass
from hpass.selection.formats import FORMATS

BERT = ROOT / "fixtures" / "bert_tiny_torchscript.onnx"


def quantised(folder: Path, scopes: list[str]) -> Path:
    excluded = json.loads(FORMATS["ort-quant"](hpass.select(BERT, *scopes)))["nodes_to_exclude"] if scopes else []
    quantize_dynamic(BERT, folder / "int8.onnx", nodes_to_exclude=excluded)
    return folder / "int8.onnx"


@pytest.mark.slow
def test_the_outputs_become_as_much_better_as_promised(tmp_path: Path) -> None:
    found = hpass.compare(BERT, quantised(tmp_path, []), suggest=3)

    assert found.exclusions is not None
    scopes = [item.scope for item in found.exclusions]
    assert 0 < len(set(scopes)) == len(scopes) <= 3
    for number, item in enumerate(found.exclusions, 1):
        really = hpass.compare(BERT, quantised(tmp_path, scopes[:number])).outputs
        assert item.together.snr == pytest.approx(really.snr, abs=0.01)
    ratios = [found.outputs.quality, *(item.together.quality for item in found.exclusions)]
    assert ratios == sorted(ratios)


def test_of_equal_models_no_module_is_excluded() -> None:
    found = hpass.compare(BERT, BERT, suggest=2)

    assert found.agrees
    assert found.exclusions == []
