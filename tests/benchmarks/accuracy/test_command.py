"""The benchmark's one command, on one small model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "HPASS_OLD_PYTHON"}
    command = [sys.executable, "-m", "benchmarks.accuracy", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.torch
@pytest.mark.slow
def test_one_model_through_every_step(tmp_path: Path) -> None:
    options = ("--cache", str(tmp_path), "--models", "plain_multi_task", "--cases", "names,metadata,aux,optimised")
    first = run(*options, "--json", str(tmp_path / "first.json"))
    assert first.returncode == 0, first.stderr
    assert "torchscript-old is skipped" in first.stderr
    assert "| names | 1 | " in first.stdout
    rows = json.loads((tmp_path / "first.json").read_text(encoding="utf-8"))["rows"]
    assert {row["case"] for row in rows} >= {"names", "metadata", "aux", "optimised, no reference: onnxruntime basic"}
    again = run(*options, "--compare", str(tmp_path / "first.json"))
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith(" rows equal, 0 differ\n")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--cases", "nonsense", "not in names, modules"),
        ("--models", "nonsense", "unknown models: nonsense"),
        ("--constant", "inference.gaps._NONSENSE=1", "has no attribute '_NONSENSE'"),
        ("--constant", "inference.gaps._MAX_STATES=many", "--constant inference.gaps._MAX_STATES=many: malformed"),
    ],
)
def test_a_wrong_word_is_named(option: str, value: str, said: str, tmp_path: Path) -> None:
    ended = run("--cache", str(tmp_path), option, value)
    assert ended.returncode != 0
    assert said in ended.stderr
