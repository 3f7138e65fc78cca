"""Wrong usage: one line on standard error that says what, where and the fix; status 2; nothing written."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "{model}", "--forec"], "No such option: --forec"),
        (["run", "{model}", "--verbos"], "--verbose"),
        (["run", "{model}", "--jobs", "0"], "--jobs"),
        (["run", "{model}", "--jobs", "two"], "--jobs"),
        (["run", "{model}", "--external-data", "move"], "'copy', 'link'"),
        (["run", "{model}", "--output"], "requires an argument"),
        (["run", "{model}", "--passes", "scope-prase"], "did you mean scope-parse?"),
        (["run", "{model}", "--passes", "scope-parse,,fallback"], "character 13"),
        (["run", "{model}", "--passes", ""], "a pass name is missing"),
        (["run", "{model}", "--passes", "fallback:x=1"], "pass fallback has no option 'x'"),
        (["run", "{model}", "--passes", "validation:runtime"], "character 12: an option is written NAME=VALUE"),
        (["run", "{model}", "--set", "validation"], "write PASS.OPTION=VALUE"),
        (["run", "{model}", "--set", "validtion.runtime=true"], "did you mean validation?"),
        (["run", "{model}", "--set", "validation.runtime=maybe"], "'maybe' is not true|false"),
        (["run", "{model}", "--set", "validation.checker=true", "--set", "validation.checker=false"], "contradict"),
        (["run", "{model}", "--print-after", "fallbck"], "did you mean fallback?"),
        (["run", "{model}", "--stop-after", "none-such"], "--stop-after: no pass 'none-such'"),
        (["run", "{model}", "--stop-after", "scope-parse", "--print-after", "fallback"], "fallback never runs"),
        (["run", "{model}", "--verify-runtime", "--passes", "fallback"], "--verify-runtime needs the pass validation"),
        (["run", "{model}", "--verify-runtime", "--set", "validation.runtime=false"], "contradict"),
        (["run", "{model}", "-o", "{model}"], "add --in-place"),
        (["run", "{model}", "-o", "{folder}/../{name}/model.onnx"], "add --in-place"),
        (["run", "{model}", "--in-place", "-o", "{folder}/other.onnx"], "--in-place and -o"),
        (["run", "-", "--in-place"], "--in-place cannot write to standard input"),
        (["run", "{model}", "--json", "-o", "-"], "--json and -o -"),
        (["run", "{model}", "--report", "report.txt"], "must end in .json or .md"),
        (["run", "{model}", "--report", "{folder}/model.tagged.onnx"], "must end in .json or .md"),
        (["run", "{model}", "--report", "{folder}/out.json", "-o", "{folder}/out.json"], "name another file"),
        (["run", "{model}", "--modules", "{table}", "--report", "{table}"], "overwrite --modules"),
        (["run", "{model}", "--modules", "{folder}/none.json"], "none.json: cannot be read"),
        (["run", "{model}", "--modules", "{model}"], "cannot be read (not UTF-8 text)"),
        (["run", "{model}", "--modules", "{broken}"], "not valid JSON (Expecting"),
        (["run", "{model}", "--modules", "{list}"], "a module table is a JSON object"),
        (["run", "{model}", "--modules", "{table}", "--model", "model.py:make"], "--modules and --model both define"),
        (["run", "."], "a folder, not a model"),
        (["run", "/"], "a folder, not a model"),
        (["run", "{model}", "-"], "must be the only input"),
        (["run", "{model}", "{tagged}"], "would overwrite the input"),
        (["run", "{model}", "{model}"], "would overwrite the output of"),
        (["run", "{model}", "{other}", "-o", "{folder}/none"], "must be an existing folder"),
        (["run", "{model}", "{other}", "-o", "{table}"], "must be an existing folder"),
        (["run", "{model}", "{other}", "--report", "r.json"], "--report takes one input"),
        (["run", "{model}", "{other}", "--dump", "{folder}/dump"], "--dump takes one input"),
        (["run", "{model}", "{other}", "--jobs", "2", "--print-after", "fallback"], "--print-after and --jobs"),
        (["strip", "{model}"], "-o OUT"),
        (["strip", "{model}", "-o", "{model}"], "add --in-place"),
        (["show", "{model}"], "Missing argument 'NODE'"),
        (["show", "{model}", "#99"], "no node or value is named '#99'"),
        (["show", "{model}", "/features/features.0/conv/Cnov"], "did you mean /features/features.0/conv/Conv"),
        (["show", "{model}", "#0", "--stored", "--retag"], "--stored runs no pass"),
        (["tree", "{model}", "--depth", "-1"], "--depth"),
        (["tree", "{model}", "--passes", "nothing-known"], "no pass 'nothing-known'"),
        (["validate", "-", "--full"], "--full needs a file"),
    ],
)
def test_wrong_usage_is_one_line_with_status_2(
    hpass: Any, model: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model.parent
    (folder / "model.tagged.onnx").write_bytes(model.read_bytes())
    (folder / "other.onnx").write_bytes(model.read_bytes())
    (folder / "table.json").write_text('{"": "M"}')
    (folder / "broken.json").write_text('{"": ')
    (folder / "list.json").write_text("[1]")
    names = {
        "model": model,
        "folder": folder,
        "name": folder.name,
        "other": folder / "other.onnx",
        "tagged": folder / "model.tagged.onnx",
        "table": folder / "table.json",
        "broken": folder / "broken.json",
        "list": folder / "list.json",
    }
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", _Stdin(model.read_bytes()))

    result = hpass(*(argument.format(**names) for argument in arguments))

    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith("hpass: ")
    assert said in result.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = BytesIO(data)


def test_a_name_with_a_line_break_stays_on_one_line(hpass: Any, tmp_path: Path) -> None:
    result = hpass("run", tmp_path / "a\nb.onnx")

    assert result.status == 1
    assert len(result.err.splitlines()) == 1


def test_no_command_at_all_is_the_help_with_status_2(hpass: Any) -> None:
    result = hpass()

    assert (result.status, result.out) == (2, "")
    assert "Commands:" in result.err
