"""What `hpass compare --json` says of each module, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from product import ROOT

import hpass
from hpass.comparing.json_format import to_json
from hpass.errors import UsageError
from hpass.reporting.saved_comparison import read_comparison


def saved(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


def test_each_range_has_a_name(tmp_path: Path) -> None:
    modules = {
        "a": {"local_equal": True},
        "b": {"local": 120.0},
        "c": {"local": 80.0},
        "d": {"local": 79.9},
        "e": {"local": -3},
        "f": {"nan": 2, "inf": 0},
        "g": {"nan": 0, "inf": 0},
    }

    assert read_comparison(saved(tmp_path / "c.json", {"modules": modules})) == {
        "a": "equal",
        "b": "100 dB and more",
        "c": "80 to 100 dB",
        "d": "60 to 80 dB",
        "e": "below 20 dB",
        "f": "not finite",
    }


@pytest.mark.parametrize("data", [[], {}, {"modules": []}])
def test_what_is_no_comparison_is_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(UsageError, match="has no modules"):
        read_comparison(saved(tmp_path / "c.json", data))


def test_equal_models_agree_in_every_module(tmp_path: Path) -> None:
    model = ROOT / "fixtures" / "simple_cnn.onnx"
    found = read_comparison(saved(tmp_path / "c.json", to_json(hpass.compare(model, model, everything=True))))

    assert found
    assert set(found.values()) == {"equal"}
