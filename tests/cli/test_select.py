from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
BERT = FIXTURES / "bert_tiny.onnx"
SCHEMA = json.loads((FIXTURES.parent / "docs" / "select.schema.json").read_text(encoding="utf-8"))


def test_the_names_of_the_nodes_are_printed(hpass: Any) -> None:
    assert hpass("select", BERT, "pooler") == (0, "node_select\nnode_linear_12\nnode_tanh\n", "")


def test_patterns_in_a_file_follow_those_on_the_command_line(hpass: Any, tmp_path: Path) -> None:
    patterns = tmp_path / "patterns.txt"
    patterns.write_text("!:Linear\n\n  !pooler.activation\n")

    assert hpass("select", BERT, "pooler", "--select", patterns).out == "node_select\n"
    assert hpass("select", BERT, "--select", tmp_path / "none").err == (
        f"hpass: --select {tmp_path / 'none'}: cannot be read (No such file or directory)\n"
    )


def test_the_output_goes_to_a_file(hpass: Any, tmp_path: Path) -> None:
    assert hpass("select", BERT, "pooler", "--for", "nncf", "-o", tmp_path / "out.json") == (0, "", "")
    assert json.loads((tmp_path / "out.json").read_text())["names"] == ["node_select", "node_linear_12", "node_tanh"]
    assert hpass("select", BERT, "pooler", "-o", tmp_path / "none" / "x").status == 1
    assert "would overwrite" in hpass("select", BERT, "pooler", "-o", BERT).err


@pytest.mark.parametrize("fixture", ["bert_tiny", "functions", "control_flow"])
def test_the_json_is_as_the_schema_says(hpass: Any, fixture: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    entry = json.loads(hpass("select", FIXTURES / f"{fixture}.onnx", "**", "--json").out)

    validator.validate(entry)
    assert not validator.is_valid(entry | {"nodes": []})
    assert any("calls" in node for node in entry["nodes"]) == (fixture == "functions")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["encoder.layers.0"], 2, "no module matches 'encoder.layers.0'; did you mean encoder.layer.0 or"),
        (["layer.[0"], 2, "'layer.[0': not a pattern of modules; '[' is not closed"),
        ([], 2, "no pattern is given"),
        (["**", "--json", "--for", "names"], 2, "--json and --for both choose the form"),
        (["**", "--for", "layer-ann"], 2, "nodes of the root have no annotation"),
    ],
)
def test_a_mistake_is_one_line(hpass: Any, arguments: list[str], status: int, line: str) -> None:
    result = hpass("select", BERT, *arguments)

    assert (result.status, result.out, result.err.count("\n")) == (status, "", 1)
    assert line in result.err


def test_options_of_tagging_count(hpass: Any, tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text('{"": "Model", "pooler": "Head"}')

    assert hpass("select", BERT, ":Head", "--modules", table).status == 0


def test_the_shell_completes_modules(hpass: Any, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.onnx"
    hpass("run", BERT, "-o", tagged)

    def completions(word: str, path: Path = tagged) -> list[str]:
        environment = {
            **os.environ,
            "_HPASS_COMPLETE": "complete_bash",
            "COMP_WORDS": f"hpass select {path} {word}",
            "COMP_CWORD": "3",
        }
        command = [sys.executable, "-m", "hpass"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()

    assert completions("enc") == ["encoder"]
    assert completions("!encoder.") == ["!encoder.layer"]
    assert completions("=encoder.layer.0.a") == ["=encoder.layer.0.attention"]
    assert completions("enc", tmp_path / "none.onnx") == []
