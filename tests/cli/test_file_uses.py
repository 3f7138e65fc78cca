"""No command overwrites a file that it also reads, or writes one file twice, however the file is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import external_data_helper

from hpass import UsageError
from hpass.cli import file_uses
from hpass.cli.file_uses import FileUses, same_file

FIXTURES = Path(__file__).parents[2] / "fixtures"


def model_with_data(path: Path, location: str) -> None:
    """Write a model whose weights lie in a file of any name beside it."""
    proto = onnx.load(FIXTURES / "simple_cnn_torchscript.onnx")
    external_data_helper.convert_model_to_external_data(proto, location=location, size_threshold=0)
    (path.parent / location).unlink(missing_ok=True)
    onnx.save(proto, path)


def _input(file: Path) -> list[str]:
    shutil.copy(FIXTURES / "simple_cnn.onnx", file)
    return [str(file)]


def _reference(file: Path) -> list[str]:
    return [*_input(file.with_name("model.onnx")), "--reference", *_input(file)]


def _modules(file: Path) -> list[str]:
    file.write_text('{"": "M"}')
    return [*_input(file.with_name("model.onnx")), "--modules", str(file)]


def _model_file(file: Path) -> list[str]:
    file.write_text("{}")
    return [*_input(file.with_name("model.onnx")), "--model", f"{file}:make" if file.suffix == ".py" else str(file)]


def _model_folder(file: Path) -> list[str]:
    file.write_text("{}")
    folder = file.parent / "elsewhere"
    folder.mkdir()
    return [*_input(folder / "model.onnx"), "--model", str(file.parent)]


def _data(file: Path) -> list[str]:
    model_with_data(file.with_name("model.onnx"), file.name)
    return [str(file.with_name("model.onnx"))]


def _reference_data(file: Path) -> list[str]:
    model_with_data(file.with_name("reference.onnx"), file.name)
    return [*_input(file.with_name("model.onnx")), "--reference", str(file.with_name("reference.onnx"))]


READ: dict[str, Callable[[Path], list[str]]] = {
    "an input": _input,
    "--reference": _reference,
    "--modules": _modules,
    "--model FILE": _model_file,
    "--model FOLDER": _model_folder,
    "external data": _data,
    "external data of --reference": _reference_data,
}
# The name of the file, and the option that writes it.
WRITTEN: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "-o": ("out.py", lambda file: ["-o", str(file)]),
    "--report": ("report.json", lambda file: ["--report", str(file)]),
    "--dump": ("01-scope-parse.onnx", lambda file: ["--dump", str(file.parent)]),
}


def _symlink(file: Path, other: Path) -> Path:
    (other / file.name).symlink_to(file)
    return other / file.name


def _hard_link(file: Path, other: Path) -> Path:
    (other / file.name).hardlink_to(file)
    return other / file.name


def _linked_folder(file: Path, other: Path) -> Path:
    (other / "folder").symlink_to(file.parent)
    return other / "folder" / file.name


SPELLED: dict[str, Callable[[Path, Path], Path]] = {
    "the same path": lambda file, _: file,
    "a detour": lambda file, _: file.parent / ".." / "." / file.parent.name / file.name,
    "a relative path": lambda file, other: Path(os.path.relpath(file, other)),
    "a symlink": _symlink,
    "a hard link": _hard_link,
    "a linked folder": _linked_folder,
}


def _snapshot(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return two folders; the second is the working directory."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    monkeypatch.chdir(other)
    return one, other


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("read", READ)
def test_what_is_read_is_not_written(
    hpass: Any, folders: tuple[Path, Path], *, read: str, written: str, spelled: str
) -> None:
    one, other = folders
    name, option = WRITTEN[written]
    arguments = READ[read](one / name)
    arguments += option(SPELLED[spelled](one / name, other))
    before = _snapshot(one.parent)

    result = hpass("run", *arguments)

    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert "would overwrite" in result.err or "is the input itself; add --in-place" in result.err
    assert _snapshot(one.parent) == before


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("spelled", [name for name in SPELLED if name != "a hard link"])
@pytest.mark.parametrize(
    "options",
    [["-o", "{file}.json", "--report", "{alias}.json"], ["-o", "{file}/01-scope-parse.onnx", "--dump", "{alias}"]],
)
def test_nothing_is_written_twice(
    hpass: Any, folders: tuple[Path, Path], options: list[str], *, spelled: str, exists: bool
) -> None:
    one, other = folders
    (one / "dump").mkdir()
    name = "x.json" if "--report" in options else "dump"
    if exists:
        (one / "x.json").write_text("old")
        (one / "dump" / "01-scope-parse.onnx").write_text("old")
    file = one / name
    alias = SPELLED[spelled](file, other)
    model = _input(one / "model.onnx")
    before = _snapshot(one.parent)

    result = hpass(
        "run",
        *model,
        *(option.format(file=file.with_suffix(""), alias=alias.with_suffix("")) for option in options),
    )

    assert (result.status, result.out) == (2, "")
    assert "the output of " in result.err
    assert "would overwrite" in result.err
    assert _snapshot(one.parent) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run a.onnx hard.onnx --in-place", "the output of hard.onnx would overwrite the output of a.onnx"),
        ("run a.onnx a.onnx", "the output of a.onnx would overwrite the output of a.onnx"),
        ("run a.onnx a.tagged.onnx", "the output of a.onnx would overwrite the input a.tagged.onnx"),
        ("run a.onnx -o hard.onnx", "is the input itself"),
        ("run a.onnx --in-place --reference hard.onnx", "would overwrite --reference hard.onnx"),
        ("run data.onnx -o folder/w.json", "would overwrite the output of data.onnx"),
        ("run data.onnx -o folder --report folder/w.json", "the copy of the external data 'w.json' of data.onnx would"),
        ("run data.onnx --report w.json", "--report w.json would overwrite the external data 'w.json' of data.onnx"),
        ("run data.onnx --dump folder --report folder/w.json", "would overwrite --report folder/w.json"),
        ("run data.onnx a.onnx -o folder --reference folder/data.tagged.onnx", "would overwrite --reference"),
        ("strip data.onnx -o w.json", "the output of data.onnx would overwrite the external data 'w.json'"),
        ("strip data.onnx -o folder/w.json", "would overwrite the output of data.onnx"),
        ("strip a.onnx -o hard.onnx", "is the input itself"),
        ("wrap a.onnx -o hard.onnx -- cp {in} {out}", "is the input itself"),
        ("wrap a.onnx -o a.tagged.onnx --reference a.tagged.onnx -- cp {in} {out}", "would overwrite --reference"),
        ("wrap data.onnx -o w.json -- cp {in} {out}", "the output of data.onnx would overwrite the external data"),
        ("export model.py:make model.py", "OUT model.py would overwrite model.py of MODEL"),
        ("export pretrained pretrained/config.json", "OUT pretrained/config.json would overwrite config.json of MODEL"),
        ("export pretrained/config.json x.onnx --modules-out pretrained/config.json", "would overwrite config.json"),
        ("export model.py:make x.onnx --modules-out x.onnx", "--modules-out x.onnx would overwrite OUT x.onnx"),
        ("export pretrained pretrained/m.bin --generation", "OUT pretrained/m.bin (m.part.bin) would overwrite m.part"),
    ],
)
def test_each_command_checks_its_files(
    hpass: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "a.tagged.onnx"):
        shutil.copy(FIXTURES / "simple_cnn.onnx", name)
    Path("hard.onnx").hardlink_to("a.onnx")
    model_with_data(tmp_path / "data.onnx", "w.json")
    Path("folder").mkdir()
    shutil.copy(FIXTURES / "simple_cnn.onnx", "folder/data.tagged.onnx")
    Path("pretrained").mkdir()
    Path("pretrained/config.json").write_text(json.dumps({"model_type": "bert"}))
    Path("pretrained/m.part.bin").write_bytes(b"weights")
    Path("model.py").write_text("def make(): pass")
    before = _snapshot(tmp_path)

    result = hpass(*line.split())

    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert said in result.err
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "line",
    [
        "run a.onnx",
        "run a.onnx --in-place",
        "run a.onnx -o ./a.onnx --in-place",
        "run a.onnx -o old.onnx --report r.json --dump folder --modules t.json --reference b.onnx",
        "run a.onnx -o old.onnx --report old.md --dump .",
        "run data.onnx -o folder/x.onnx --dump folder --report folder/r.json",
        "run twice.onnx -o folder --dump folder",
        "run a.onnx b.onnx -o folder --reference a.onnx --modules t.json",
        "run a.onnx -o /dev/null --dump folder",
        "run a.onnx --reference a.onnx",
        "strip a.onnx --in-place",
        "strip data.onnx -o folder",
    ],
)
def test_what_overwrites_nothing_of_the_command_runs(
    hpass: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "b.onnx", "old.onnx"):
        shutil.copy(FIXTURES / "simple_cnn.onnx", name)
    model_with_data(tmp_path / "data.onnx", "w.json")
    proto = onnx.load("data.onnx", load_external_data=False)
    first, *_ = proto.graph.initializer[0].external_data
    first.value = "./w.json"
    onnx.save(proto, "twice.onnx")
    Path("folder").mkdir()
    Path("t.json").write_text('{"": "M"}')
    Path("old.md").write_text("old")

    for _ in range(2):
        result = hpass(*line.split())

        assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize(
    ("line", "streams", "said"),
    [
        ("run - -o a.onnx", {"stdin": "a.onnx"}, "the output of - would overwrite the input -"),
        ("run a.onnx -o b.onnx", {"stdout": "b.onnx"}, "the output of a.onnx would overwrite standard output"),
        ("run a.onnx --report r.json", {"stdout": "r.json"}, "--report r.json would overwrite standard output"),
        ("run a.onnx", {"stdout": "a.onnx"}, "standard output would overwrite the input a.onnx"),
    ],
)
def test_a_redirected_stream_is_a_file_of_the_command(
    tmp_path: Path, line: str, streams: dict[str, str], said: str
) -> None:
    shutil.copy(FIXTURES / "simple_cnn.onnx", tmp_path / "a.onnx")
    before = (tmp_path / "a.onnx").read_bytes()
    opened = {name: (tmp_path / file).open("rb" if name == "stdin" else "ab") for name, file in streams.items()}

    command = [sys.executable, "-m", "hpass", *line.split()]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, check=False, timeout=120, **opened)  # type: ignore[call-overload]

    for file in opened.values():
        file.close()
    assert (done.returncode, done.stderr.decode()) == (2, f"hpass: {said}; name another file\n")
    assert (tmp_path / "a.onnx").read_bytes() == before


def test_files_that_do_not_exist_are_told_apart_by_case_if_the_file_system_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "a\u0301.json", tmp_path / "\u00c1.JSON"
    assert not same_file(one, other)
    monkeypatch.setattr(file_uses, "_ignores_case", lambda _: True)

    assert same_file(one, other)
    uses = FileUses()
    uses.write(one, "one")
    with pytest.raises(UsageError, match="the other would overwrite one; name another file"):
        uses.write(other, "the other")


def test_a_file_system_ignores_case_if_a_folder_is_found_with_its_case_swapped(tmp_path: Path) -> None:
    folder = tmp_path / "Folder" / "1"
    folder.mkdir(parents=True)
    if not (tmp_path / "fOLDER").exists():
        assert not file_uses._ignores_case(folder)
        (tmp_path / "fOLDER").symlink_to(tmp_path / "Folder")

    assert file_uses._ignores_case(folder)


def test_what_cannot_be_looked_up_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "x", Path("/dev/null"), tmp_path, Path("a\0b")):
        assert not same_file(path, path)


def test_uses_of_a_child_are_its_own(tmp_path: Path) -> None:
    uses = FileUses()
    uses.read(tmp_path / "read", "what is read")
    child = uses.child()
    child.write(tmp_path / "written", "what is written")

    with pytest.raises(UsageError, match="what is new would overwrite what is read"):
        child.write(tmp_path / "read", "what is new")
    uses.read(tmp_path / "written", "what is written by the child alone")
