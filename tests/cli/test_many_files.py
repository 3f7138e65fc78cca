"""`hpass run` on folders, on patterns, and again after it was interrupted."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from skips import posix_only

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two models, one of which lies in a folder below; the working directory is above it."""
    (tmp_path / "models" / "below").mkdir(parents=True)
    shutil.copy(FIXTURES / "simple_cnn.onnx", tmp_path / "models" / "cnn.onnx")
    shutil.copy(FIXTURES / "simple_cnn_torchscript.onnx", tmp_path / "models" / "below" / "cnn.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


def _entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.mark.parametrize(("inputs", "jobs"), [("models", "1"), ("models/**/*.onnx", "2")])
def test_models_of_one_name_keep_their_folders(hpass: Any, folder: Path, inputs: str, jobs: str) -> None:
    out = folder.parent / "out"
    out.mkdir()

    result = hpass("run", inputs, "-o", out, "--jobs", jobs)

    assert (result.status, result.err) == (0, "")
    written = {str(path.relative_to(out)) for path in out.rglob("*.onnx")}
    assert written == {"cnn.tagged.onnx", "below/cnn.tagged.onnx"}


def test_a_folder_is_tagged_in_place(hpass: Any, folder: Path) -> None:
    assert hpass("run", folder, "--in-place").status == 0
    assert len(list(folder.rglob("*.onnx"))) == 2
    assert hpass("validate", folder / "cnn.onnx").status == 0


def test_a_second_run_takes_no_output_for_an_input(hpass: Any, folder: Path) -> None:
    for _ in range(2):
        assert hpass("run", folder).status == 0

    assert len(list(folder.rglob("*.onnx"))) == 4


@pytest.mark.parametrize("option", [[], ["--in-place"]])
def test_a_manifest_is_resumed(hpass: Any, folder: Path, option: list[str]) -> None:
    line = ["run", "models", "--manifest", "m.jsonl", *option]

    first, second = hpass(*line), hpass(*line)

    assert (first.status, second.status) == (0, 0)
    assert second.err == "2 of 2 models are done according to m.jsonl\n"
    assert second.out == ""
    entries = _entries(folder.parent / "m.jsonl")
    assert [entry["input"] for entry in entries] == ["models/below/cnn.onnx", "models/cnn.onnx"]
    assert all(entry["status"] == 0 and entry["seconds"] > 0 for entry in entries)


def test_what_changed_failed_or_is_gone_runs_again(hpass: Any, folder: Path) -> None:
    bad, lost = folder / "bad.onnx", folder / "lost.onnx"
    bad.write_bytes(b"nonsense")
    shutil.copy(FIXTURES / "simple_cnn.onnx", lost)
    line = ["run", "models", "--manifest", "m.jsonl"]
    first = hpass(*line)
    assert first.status == 1
    assert len(first.err.splitlines()) == 1
    lost.with_name("lost.tagged.onnx").unlink()
    shutil.copy(FIXTURES / "hybrid.onnx", folder / "cnn.onnx")

    second = hpass(*line)

    assert second.status == 1
    assert second.err.startswith("1 of 4 models are done")
    again = _entries(folder.parent / "m.jsonl")[4:]
    assert {Path(entry["input"]).name for entry in again} == {"bad.onnx", "cnn.onnx", "lost.onnx"}
    assert [entry["error"] != "" for entry in again if entry["status"] == 1] == [True]

    shutil.copy(FIXTURES / "simple_cnn.onnx", bad)
    assert hpass(*line).status == 0


def test_the_status_of_models_that_are_done_counts(hpass: Any, folder: Path) -> None:
    line = ["run", folder, "--manifest", folder.parent / "m.jsonl", "--fail-under", "high=100"]

    assert [hpass(*line).status for _ in range(2)] == [3, 3]


def test_other_options_are_refused(hpass: Any, folder: Path) -> None:
    hpass("run", folder, "--manifest", folder.parent / "m.jsonl")

    result = hpass("run", folder, "--manifest", folder.parent / "m.jsonl", "--retag")

    assert result.status == 2
    assert "had other options (retag)" in result.err


def test_one_model_with_a_manifest(hpass: Any, folder: Path) -> None:
    result = hpass("run", folder / "cnn.onnx", "--manifest", folder.parent / "m.jsonl", "--json")

    assert [report["ok"] for report in json.loads(result.out)] == [True]
    assert len(_entries(folder.parent / "m.jsonl")) == 1


@posix_only
def test_a_run_that_is_killed_goes_on_where_it_was(hpass: Any, folder: Path) -> None:
    for number in range(30):
        shutil.copy(FIXTURES / "simple_cnn_torchscript.onnx", folder / f"{number}.onnx")
    manifest = folder.parent / "m.jsonl"
    line = ["run", "models", "-o", "out", "--manifest", "m.jsonl"]
    (folder.parent / "out").mkdir()
    run = subprocess.Popen([sys.executable, "-m", "hpass", *line], stdout=subprocess.DEVNULL, cwd=folder.parent)
    while not manifest.exists() or len(manifest.read_bytes().splitlines()) < 4:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = len(_entries(manifest))
    assert 3 <= done < 32

    result = hpass(*line)

    assert result.status == 0
    assert result.err == f"{done} of 32 models are done according to m.jsonl\n"
    entries = _entries(manifest)
    assert len(entries) == len({entry["input"] for entry in entries}) == 32
    assert len(list((folder.parent / "out").rglob("*.tagged.onnx"))) == 32
