"""Folders and patterns stand for models, and not for what hpass wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpass import HpassError
from hpass.batch.find_inputs import find_inputs, names_several
from hpass.batch.inputs import fixed_folder


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("models", ["models/a.onnx", "models/b/c.onnx"]),
        ("models/", ["models/a.onnx", "models/b/c.onnx"]),
        ("models/*.onnx", ["models/a.onnx"]),
        ("models/**/*.onnx", ["models/a.onnx", "models/b/c.onnx"]),
        ("*/b/[a-d].onnx", ["models/b/c.onnx"]),
        ("models/a.onnx", ["models/a.onnx"]),
        ("none.onnx", ["none.onnx"]),
        ("odd[1].onnx", ["odd[1].onnx"]),
    ],
)
def test_what_a_text_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    _make(tmp_path, "models/a.onnx", "models/b/c.onnx", "models/a.bin", "models/.hidden/x.onnx", "models/.x.onnx")
    _make(tmp_path, "odd[1].onnx")

    assert [str(item.location) for item in find_inputs(text)] == found


@pytest.mark.parametrize("text", ["folder", "*.onnx", "folder/**"])
def test_nothing_found_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()

    with pytest.raises(HpassError, match="name the model"):
        find_inputs(text)


def test_a_model_keeps_the_folder_that_it_was_found_in(tmp_path: Path) -> None:
    _make(tmp_path, "a.onnx", "b/c/d.onnx")

    assert [item.folder for item in find_inputs(str(tmp_path))] == ["", "b/c"]
    assert [item.folder for item in find_inputs(f"{tmp_path}/b/*/*.onnx")] == ["c"]
    assert [item.folder for item in find_inputs(f"{tmp_path}/a.onnx")] == [""]


def test_the_output_of_a_model_that_is_found_as_well_is_no_input(tmp_path: Path) -> None:
    _make(tmp_path, "a.onnx", "a.tagged.onnx", "b.tagged.onnx", ".tagged.onnx")

    assert [item.location.name for item in find_inputs(str(tmp_path))] == ["a.onnx", "b.tagged.onnx"]


def test_files_below_the_output_folder_are_no_inputs_unless_all_are(tmp_path: Path) -> None:
    _make(tmp_path, "a.onnx", "out/b.onnx", "out/c/d.onnx", "outer/e.onnx")

    def names(folder: Path, output: Path) -> list[str]:
        return [item.location.name for item in find_inputs(str(folder), output)]

    assert names(tmp_path, tmp_path / "out") == ["a.onnx", "e.onnx"]
    assert names(tmp_path, tmp_path) == ["a.onnx", "b.onnx", "d.onnx", "e.onnx"]
    assert names(tmp_path / "out", tmp_path) == ["b.onnx", "d.onnx"]


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("s3://bucket/a.onnx", False),
        ("s3://bucket/*.onnx", True),
        ("s3://bucket/models/", True),
        ("s3://bucket", True),
        ("a.onnx", False),
    ],
)
def test_what_may_be_several(text: str, *, several: bool) -> None:
    assert names_several(text) is several


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("a/b/*.onnx", "a/b/"),
        ("a/b*/c.onnx", "a/"),
        ("*.onnx", ""),
        ("s3://b/**", "s3://b/"),
        ("s3://b/c/", "s3://b/c/"),
    ],
)
def test_the_fixed_folder_of_a_pattern(pattern: str, folder: str) -> None:
    assert fixed_folder(pattern) == folder
