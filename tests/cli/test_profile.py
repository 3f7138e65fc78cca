"""`hpass profile` and `hpass inputs`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
DOCS = FIXTURES.parent / "docs"
BERT = FIXTURES / "bert_tiny.onnx"
QUICK = ("--runs", "3", "--warmup", "1")


def test_the_table_and_the_tree(hpass: Any) -> None:
    result = hpass("profile", BERT, *QUICK)

    assert result.status == 0
    assert "100.00% of the time of nodes has a module" in result.out
    assert "encoder.layer.0.attention.self: BertSelfAttention" in result.out
    assert "├─ embeddings: BertEmbeddings" in result.out
    assert "the median of 3 runs after 1" in result.out


def test_json_keeps_its_schema(hpass: Any) -> None:
    value = json.loads(hpass("profile", BERT, *QUICK, "--json").out)

    jsonschema.validate(value, json.loads((DOCS / "profile.schema.json").read_text(encoding="utf-8")))
    assert value["runs"] == 3
    assert value["settings"]["inputs"]["input_ids"] == [1, 32]


def test_files_of_several_formats(hpass: Any, tmp_path: Path) -> None:
    endings = ["json", "txt", "speedscope.json", "perfetto.json", "nodedata.json", "netron.json", "csv", "html"]
    names = [f"p.{ending}" for ending in endings]
    options = [option for name in names for option in ("-o", str(tmp_path / name))]

    assert hpass("profile", BERT, *QUICK, *options).status == 0
    assert '"key":"time"' in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_tables_of_groups_are_shown_if_they_say_something(hpass: Any) -> None:
    with_classes = hpass("profile", BERT, *QUICK).out
    without = hpass("profile", FIXTURES / "bert_tiny_torchscript.onnx", *QUICK).out
    heads = [line.split()[-1] for line in (*with_classes.splitlines(), *without.splitlines()) if "interval" in line]

    assert heads == ["module", "class", "layer", "operator", "module", "layer", "operator"]
    assert "bytes written" in without


def test_a_tree_with_the_times_of_a_profile(hpass: Any, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    hpass("profile", BERT, *QUICK, "-o", path)
    saved = json.loads(path.read_text(encoding="utf-8"))

    lines = hpass("tree", BERT, "--profile", path, "--depth", "1").out.splitlines()
    assert lines[0].split() == ["own", "all", "time", "share"]
    assert lines[1].split() == ["22", "126", f"{saved['total_us']:,.2f}", "us", "100.00%", "BertModel"]

    tree = json.loads(hpass("tree", BERT, "--profile", path, "--cost", "--json").out)
    encoder = next(child for child in tree["children"] if child["scope"] == "encoder")
    assert encoder["time"] == {key: saved["modules"]["encoder"][key] for key in ("own_us", "all_us")}
    assert "macs" in encoder["cost"]


def test_a_tree_names_the_time_without_a_module(hpass: Any, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"modules": {"": {"own_us": 6, "all_us": 6}}, "unmapped": {"own_us": 2}}))

    lines = hpass("tree", BERT, "--profile", path, "--depth", "0").out.splitlines()
    assert lines[1].split()[2:] == ["6.00", "us", "75.00%", "BertModel"]
    assert lines[-1] == "2.00 us in nodes without a module"


def test_inputs_are_made_and_used(hpass: Any, tmp_path: Path) -> None:
    made = hpass("inputs", BERT, "-o", tmp_path / "x.npz", "--dim", "s53=16")
    assert made.out == "input_ids  int64[1, 16]\nattention_mask  int64[1, 16]\n"
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["attention_mask"].all()

    value = json.loads(hpass("profile", BERT, *QUICK, "--inputs", tmp_path / "x.npz", "--json").out)
    assert value["settings"]["inputs"]["input_ids"] == [1, 16]


def test_inputs_as_json(hpass: Any, tmp_path: Path) -> None:
    value = json.loads(hpass("inputs", BERT, "-o", tmp_path / "x.npz", "--json").out)

    assert value["inputs"]["input_ids"] == {"type": "int64", "shape": [1, 32]}


def test_an_npz_that_lacks_an_input(hpass: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", input_ids=np.ones((1, 4), np.int64))
    result = hpass("profile", BERT, *QUICK, "--inputs", tmp_path / "x.npz")

    assert result.status == 1
    assert "lacks the input 'attention_mask'; it has input_ids" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-o", "p.png"], 2, "-o p.png: unknown format"),
        (["--optimized", "x.onnx"], 2, "--optimized belongs to a trace"),
        (["--dim", "s53"], 2, "--dim s53: write NAME=SIZE"),
        (["--ep", "Nonsense"], 1, "onnxruntime has no NonsenseExecutionProvider here"),
        (["--trace", str(BERT)], 1, "is not JSON"),
        (["--inputs", "none.npz"], 1, "none.npz"),
    ],
)
def test_a_mistake_is_one_line(hpass: Any, arguments: list[str], status: int, message: str) -> None:
    result = hpass("profile", BERT, *QUICK, *arguments)

    assert (result.status, result.out) == (status, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_file_that_is_read_is_not_written(hpass: Any, tmp_path: Path) -> None:
    trace = tmp_path / "t.json"
    trace.write_text("[]", encoding="utf-8")
    result = hpass("profile", BERT, "--trace", trace, "-o", trace)

    assert result.status == 2
    assert trace.read_text(encoding="utf-8") == "[]"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for another process")
def test_ctrl_c_shows_what_was_measured(tmp_path: Path) -> None:
    output = tmp_path / "p.json"
    command = [sys.executable, "-m", "hpass", "profile", str(BERT), "--runs", "10000000", "-o", str(output)]
    # In a background job of a shell SIGINT is ignored, and so it would be in a process that is started there.
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        signal.signal(signal.SIGINT, previous)
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    if output.exists():
        assert "interrupted" in err
        assert "encoder.layer.0.attention.self: BertSelfAttention" in out
        assert json.loads(output.read_text(encoding="utf-8"))["interrupted"] is True
    else:
        # On a busy machine it may come before anything is measured.
        assert out == ""
