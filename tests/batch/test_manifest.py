"""A manifest says what is done, whatever happened to the run that wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpass import HpassError, UsageError
from hpass.batch.manifest import Entry, Manifest
from hpass.batch.task import Task

SETTINGS = {"passes": "all"}
TASK = Task(Path("a.onnx"), Path("a.tagged.onnx"))
DONE = Entry(0, "v1", "a.tagged.onnx", seconds=0.5)


def _written(path: Path, *entries: Entry) -> Path:
    with Manifest(path, SETTINGS) as manifest:
        for entry in entries:
            manifest.add(TASK, entry)
    return path


def _reread(path: Path, task: Task = TASK, version: str = "v1") -> Entry | None:
    with Manifest(path, SETTINGS) as manifest:
        return manifest.written(task, version)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.jsonl"


def test_what_was_added_is_read_again(path: Path) -> None:
    assert _reread(_written(path, DONE)) == DONE


def test_a_model_with_validation_errors_is_written(path: Path) -> None:
    assert _reread(_written(path, DONE._replace(status=3))) == DONE._replace(status=3)


def test_a_model_that_failed_is_not_done(path: Path) -> None:
    assert _reread(_written(path, DONE._replace(status=1, error="bad"))) is None


def test_the_last_entry_counts(path: Path) -> None:
    failed = DONE._replace(status=1)

    assert _reread(_written(path, failed, DONE)) == DONE
    assert _reread(_written(path, failed)) is None


@pytest.mark.parametrize(
    ("task", "version"),
    [
        (TASK, "v2"),
        (TASK, ""),
        (Task(Path("a.onnx"), Path("elsewhere.onnx")), "v1"),
        (Task(Path("b.onnx"), Path("a.tagged.onnx")), "v1"),
    ],
)
def test_another_input_or_output_is_not_done(path: Path, task: Task, version: str) -> None:
    assert _reread(_written(path, DONE), task, version) is None


def test_wherever_a_run_was_killed_its_whole_lines_count(path: Path) -> None:
    _written(path, DONE, DONE._replace(status=1))
    content = path.read_bytes()
    header, first, _ = content.splitlines(keepends=True)

    for size in range(len(header), len(content)):
        path.write_bytes(content[:size])
        assert _reread(path) == (DONE if size >= len(header) + len(first) else None)
        assert path.read_bytes() == content[: content.rfind(b"\n", 0, size) + 1]


def test_other_settings_are_refused_by_name(path: Path) -> None:
    _written(path, DONE)

    with pytest.raises(UsageError, match=r"other options \(passes\)"):
        Manifest(path, {"passes": "scope-parse"})


@pytest.mark.parametrize(
    "content", ["{}", "{}\n", "[]\n", "1\n", "text", "\0\xff\n", '{"manifest": 1, "passes": "all"}\n{"input": 1}\n']
)
def test_a_file_that_is_no_manifest_is_refused_and_stays(path: Path, content: str) -> None:
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(HpassError, match="is not a manifest"):
        Manifest(path, SETTINGS)

    assert path.read_bytes() == content.encode("latin-1")
