from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import onnx
import pytest
from skips import not_as_root, posix_only

from hpass.graph.strip import strip
from hpass.graph.walk import all_nodes
from hpass.tags.tag_format import read_tag

DEFINITION = """
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.out(self.hidden(x))


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.classifier = Classifier()

    def forward(self, x):
        return self.classifier(x)


def make():
    return Small(), torch.zeros(1, 4)
"""

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def test_the_tagged_model_lies_beside_the_input_and_differs_in_tags_only(hpass: Any, model: Path) -> None:
    before = model.read_bytes()

    result = hpass("run", model)

    assert result.status == 0
    assert result.err == ""
    assert model.read_bytes() == before
    tagged = onnx.load(model.with_name("model.tagged.onnx"))
    assert all(read_tag(node) is not None for node in all_nodes(tagged))
    strip(tagged)
    assert tagged == onnx.load(model)


def test_the_summary_tells_figures_times_and_where_the_model_went(hpass: Any, model: Path) -> None:
    out = hpass("run", model).out

    for part in (
        "model.tagged.onnx",
        "nodes       29: 100% tagged, 9 modules",
        "source      name",
        "confidence  high",
        "auxiliary   18 operations: 2 inherited, 0 fell back",
        "scope-parse 0.0",
        "findings    none",
    ):
        assert part in out
    assert "\x1b" not in out, "colours are for terminals"


def test_json_is_the_whole_report_and_nothing_else(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--json")

    report = json.loads(result.out)
    assert report["totals"]["nodes"] == len(report["nodes"]) == 29
    assert report["output"] == str(model.with_name("model.tagged.onnx"))
    assert result.err == ""


def test_a_model_goes_from_stdin_to_stdout(process: Any, model: Path) -> None:
    done = process("run", "-", "-o", "-", input=model.read_bytes())

    assert done.returncode == 0
    tagged = onnx.ModelProto.FromString(done.stdout)
    assert all(read_tag(node) is not None for node in tagged.graph.node)
    assert b"standard input" in done.stderr, "the summary gives way to the model"


def test_stdin_goes_to_stdout_where_no_output_is_named(process: Any, model: Path) -> None:
    done = process("run", "-", input=model.read_bytes())

    assert onnx.ModelProto.FromString(done.stdout).graph.node


def test_in_place_writes_over_the_input_and_a_second_run_changes_nothing(hpass: Any, model: Path) -> None:
    assert hpass("run", model, "--in-place").status == 0
    once = model.read_bytes()

    assert hpass("run", model, "--in-place").status == 0

    assert model.read_bytes() == once
    assert b"hpass.scope" in once
    assert [path.name for path in model.parent.iterdir()] == ["model.onnx"]


def test_a_link_in_place_stays_a_link(hpass: Any, model: Path) -> None:
    link = model.with_name("link.onnx")
    link.symlink_to(model)

    assert hpass("run", link, "--in-place").status == 0

    assert link.is_symlink()
    assert b"hpass.scope" in model.read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_file_does_not_stop_the_others(hpass: Any, model: Path, control_flow: Path, jobs: int) -> None:
    bad = model.with_name("bad.onnx")
    bad.write_bytes(b"\x08\x01nonsense")
    folder = model.with_name("out")
    folder.mkdir()

    result = hpass("run", model, bad, control_flow, "-o", folder, "--jobs", str(jobs))

    assert result.status == 1
    assert {path.name for path in folder.iterdir()} == {"model.tagged.onnx", "control_flow.tagged.onnx"}
    assert len(result.err.splitlines()) == 1
    assert str(bad) in result.err
    rows = result.out.splitlines()
    assert [row.split()[0] for row in rows] == ["nodes", "29", "16"]


def test_several_reports_are_one_json_list(hpass: Any, model: Path, control_flow: Path) -> None:
    result = hpass("run", model, control_flow, "--json")

    assert [report["input"] for report in json.loads(result.out)] == [str(model), str(control_flow)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_json_list_says_which_file_is_bad_and_why(hpass: Any, model: Path, control_flow: Path, jobs: int) -> None:
    bad = model.with_name("bad.onnx")
    bad.write_bytes(b"\x08\x01nonsense")

    result = hpass("run", model, bad, control_flow, "--json", "--jobs", str(jobs))

    assert result.status == 1
    entries = json.loads(result.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(entries)
    assert [entry["input"] for entry in entries] == [str(model), str(bad), str(control_flow)]
    assert [entry.get("error") for entry in entries] == [None, result.err.strip().removeprefix("hpass: "), None]
    assert (entries[1]["ok"], entries[1]["output"]) == (False, None)


def test_verbose_shows_a_summary_of_each_of_several(hpass: Any, model: Path, control_flow: Path) -> None:
    out = hpass("run", model, control_flow, "-v").out

    assert out.count("confidence") == 2


def test_a_report_is_written_in_the_form_its_name_says(hpass: Any, model: Path) -> None:
    for name, start in (("report.json", "{"), ("report.md", "# ")):
        path = model.with_name(name)

        assert hpass("run", model, "--report", path).status == 0

        assert path.read_text(encoding="utf-8").startswith(start)


def test_a_modules_file_gives_classes_to_tags(hpass: Any, model: Path) -> None:
    table = FIXTURES / "modules" / "simple_cnn_torchscript.json"

    result = hpass("run", model, "--modules", table, "--json")

    tags = {node["tag"] for node in json.loads(result.out)["nodes"]}
    assert "/SimpleCnn/Classifier/Linear.hidden" in tags


@pytest.mark.torch
def test_a_model_s_definition_gives_classes_to_tags(hpass: Any, model: Path) -> None:
    definition = model.with_name("definition.py")
    definition.write_text(DEFINITION)

    result = hpass("run", model, "--model", f"{definition}:make", "--json")

    assert result.err == ""
    tags = {node["tag"] for node in json.loads(result.out)["nodes"]}
    assert "/Small/Classifier/Linear.hidden" in tags


@pytest.mark.torch
def test_a_definition_that_is_none_is_one_line_with_status_1(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--model", model.with_name("none.py:make"))

    assert result.status == 1
    assert "none.py: no such file" in result.err
    assert len(result.err.splitlines()) == 1


def test_observers_look_on(hpass: Any, model: Path) -> None:
    folder = model.with_name("dump")

    result = hpass(
        "run", model, "--print-after", "scope-parse", "--dump", folder, "--stop-after", "module-mapping",
        "--verify-between", "--time-passes",
    )  # fmt: skip

    assert result.status == 0
    assert sorted(path.name for path in folder.iterdir()) == ["01-scope-parse.onnx", "02-module-mapping.onnx"]
    assert "; after scope-parse\n#0 Conv '/features/features.0/conv/Conv' 'features.0.conv' name medium" in result.err
    assert "total" in result.err
    assert "2 inherited" not in result.out, "the run ended before"


def test_an_option_of_a_pass_is_set_from_the_command_line(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--set", "validation.checker=false", "--json")

    assert json.loads(result.out)["pipeline"].endswith("validation:checker=false")


def test_a_model_that_breaks_the_contract_is_written_with_status_3(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--passes", "scope-parse,validation")

    assert result.status == 3
    assert "error   coverage: 2 of 29 nodes without a tag (#20)" in result.out
    assert model.with_name("model.tagged.onnx").exists()


@pytest.mark.parametrize(
    ("minimums", "status", "missed"),
    [
        (["high=75"], 0, []),
        (["high=95"], 3, ["high: 23 of 29 nodes (79.3%), less than 95%"]),
        (["high=75", "medium=100", "coverage=100"], 0, []),
        (["coverage=100", "high=100"], 3, ["high: 23 of 29 nodes (79.3%), less than 100%"]),
    ],
)
def test_a_model_that_is_tagged_too_badly_is_written_with_status_3(
    hpass: Any, model: Path, minimums: list[str], status: int, missed: list[str]
) -> None:
    result = hpass("run", model, "--json", *(f"--fail-under={minimum}" for minimum in minimums))

    assert result.status == status
    assert b"hpass.scope" in model.with_name("model.tagged.onnx").read_bytes()
    document = json.loads(result.out)
    findings = [item for item in document["findings"] if item["severity"] == "error"]
    assert [item["message"] for item in findings] == missed
    assert document["ok"] == (not missed)


def test_a_minimum_of_no_known_measure_is_refused_before_anything_is_written(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--fail-under", "hihg=95")

    assert (result.status, result.err) == (2, "hpass: --fail-under: no measure 'hihg'; did you mean high?\n")
    assert not model.with_name("model.tagged.onnx").exists()


def test_each_of_several_models_must_reach_a_minimum(hpass: Any, model: Path, control_flow: Path) -> None:
    result = hpass("run", model, control_flow, "--fail-under", "high=95")

    assert result.status == 3
    heading, *rows = [line.split() for line in result.out.splitlines()]
    assert heading[5:10] == ["back", "high", "medium", "low", "findings"]
    assert rows[0][5:10] == ["79.3%", "20.7%", "0%", "1", "error"]


def test_external_data_goes_along(hpass: Any, tmp_path: Path) -> None:
    for suffix in (".onnx", ".bin"):
        shutil.copy(FIXTURES / f"external_data{suffix}", tmp_path)
    for how in ("copy", "link"):
        folder = tmp_path / how
        folder.mkdir()

        status = hpass("run", tmp_path / "external_data.onnx", "-o", folder, "--external-data", how).status

        assert status == 0
        data = folder / "external_data.bin"
        assert data.is_symlink() == (how == "link")
        assert data.read_bytes() == (tmp_path / "external_data.bin").read_bytes()


@pytest.mark.parametrize("output", ["external_data.bin", "out/external_data.bin"])
def test_a_model_is_not_written_over_its_own_external_data(hpass: Any, tmp_path: Path, output: str) -> None:
    (tmp_path / "out").mkdir()
    for suffix in (".onnx", ".bin"):
        shutil.copy(FIXTURES / f"external_data{suffix}", tmp_path)
    data = (tmp_path / "external_data.bin").read_bytes()

    result = hpass("run", tmp_path / "external_data.onnx", "-o", tmp_path / output)

    assert result.status == 2
    assert "the external data 'external_data.bin' of" in result.err
    assert "would overwrite" in result.err
    assert (tmp_path / "external_data.bin").read_bytes() == data
    assert not list((tmp_path / "out").iterdir())


def test_a_report_without_a_folder_is_refused_before_anything_is_written(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "--report", model.parent / "none" / "report.md")

    assert result.status == 1
    assert "create it first" in result.err
    assert [path.name for path in model.parent.iterdir()] == ["model.onnx"]


def _make_folder(path: Path) -> Path:
    path.mkdir()
    return path


def _make_unreadable(path: Path) -> Path:
    path.write_bytes(b"x")
    path.chmod(0)
    return path


def _make(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none.onnx", "there is no such file"),
        (lambda folder: _make(folder / "empty.onnx", b""), "empty"),
        (lambda folder: _make(folder / "text.onnx", b'ir_version: 8\ngraph { name: "g" }\n'), "text"),
        (lambda folder: _make(folder / "cut.onnx", (FIXTURES / "hybrid.onnx").read_bytes()[:999]), "truncated"),
        (lambda folder: _make_folder(folder / "folder.onnx"), "folder"),
        pytest.param(
            lambda folder: _make_unreadable(folder / "secret.onnx"),
            "permission",
            marks=not_as_root,
        ),
    ],
)
def test_a_bad_file_is_one_line_with_status_1(hpass: Any, tmp_path: Path, make: Any, said: str) -> None:
    path = make(tmp_path)
    before = set(tmp_path.rglob("*"))

    result = hpass("run", path)

    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith(f"hpass: {path}: ")
    assert said in result.err
    assert set(tmp_path.rglob("*")) == before, "nothing is written"


def test_a_missing_output_folder_is_one_line_with_status_1(hpass: Any, model: Path) -> None:
    result = hpass("run", model, "-o", model.parent / "none" / "out.onnx")

    assert result.status == 1
    assert len(result.err.splitlines()) == 1
    assert "the folder does not exist" in result.err


def test_a_full_disk_is_one_line_with_status_1(model: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")

    for arguments in (("run", model, "-o", full), ("tree", model), ("run", model, "-o", "-"), ("run", model, "--json")):
        with full.open("wb") as stream:
            command = [sys.executable, "-m", "hpass", *map(str, arguments)]
            done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, check=False, timeout=120)

        assert done.returncode == 1
        assert len(done.stderr.decode().splitlines()) == 1, done.stderr.decode()
        assert "No space left" in done.stderr.decode()


@posix_only
def test_permissions_of_a_replaced_file_stay(hpass: Any, model: Path) -> None:
    model.chmod(0o640)

    assert hpass("run", model, "--in-place").status == 0

    assert stat.S_IMODE(model.stat().st_mode) == 0o640


@posix_only
@pytest.mark.parametrize("name", [b"not utf-8 \xff", b"C1 \xc2\x9b31m", b"line\nbreak", "größe 層".encode()])
def test_a_file_may_have_any_name(hpass: Any, model: Path, name: bytes) -> None:
    folder = model.parent / os.fsdecode(name)
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system does not have such names")
    file = Path(shutil.copy(model, folder / f"{folder.name}.onnx"))
    table = file.with_suffix(".table")
    table.write_text('{"": "M"}')
    tagged, report, text = (file.with_suffix(suffix) for suffix in (".out", ".json", ".md"))

    for line in (
        ["run", file, "-o", tagged, "--report", report, "--modules", table, "--reference", file],
        ["run", file, "-o", tagged, "--report", text, "--dump", folder / "dump", "--json"],
        ["tree", tagged],
        ["show", tagged, "#0"],
        ["validate", tagged, "--against", file],
        ["diff", file, tagged],
        ["strip", tagged, "--in-place"],
    ):
        result = hpass(*line)
        assert (result.status, result.err) == (0, ""), line

    assert json.loads(report.read_text(encoding="utf-8"))["input"] == str(file)
    assert all(line.isprintable() for line in text.read_text(encoding="utf-8").split("\n"))
    assert tagged.read_bytes() == file.read_bytes()
