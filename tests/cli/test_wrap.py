"""hpass wrap, and hpass.keeping for tools that are libraries: a tool drops tags, and they come back."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import jsonschema
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import quantize_dynamic

import hpass as package

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"

# Copies a model without any node metadata or name, as many tools do.
FORGET = """
import sys, onnx
model = onnx.load(sys.argv[1])
for node in model.graph.node:
    node.name = ""
    del node.metadata_props[:]
del model.metadata_props[:]
onnx.save(model, sys.argv[2])
print("done")
"""


@pytest.fixture
def tagged(model: Path) -> Path:
    """Return the path of a tagged model."""
    package.run(model).save(model)
    return model


def scopes(path: Path) -> list[str]:
    """Return the modules that the nodes of a tagged file name."""
    stored = package.load(path)
    return [tag.scope for node in stored.nodes() if (tag := stored.stored_tag(node)) is not None]


def test_the_result_has_the_tags_of_the_input(hpass: Any, tagged: Path) -> None:
    out = tagged.with_name("out.onnx")

    result = hpass("wrap", tagged, "-o", out, "--", sys.executable, "-c", FORGET, "{in}", "{out}")

    assert result.status == 0, result.err
    assert scopes(out) == scopes(tagged)
    assert "no difference in modules\n\n29 nodes tagged: 29 reference\n" in result.out
    assert sorted(path.name for path in out.parent.iterdir()) == ["model.onnx", "out.onnx"]


def test_an_input_without_tags_is_tagged_with_the_given_options(hpass: Any, model: Path) -> None:
    out, table = model.with_name("out.onnx"), model.with_name("table.json")
    table.write_text('{"": "Net"}')

    result = hpass("wrap", model, "-o", out, "--modules", table, "--", "cp", "{in}", "{out}")

    assert result.status == 0, result.err
    assert package.load(out).stored_modules()[""].class_name == "Net"  # type: ignore[index]


def test_json_follows_its_schema(hpass: Any, model: Path) -> None:
    out = model.with_name("out.onnx")

    result = hpass("wrap", model, "-o", out, "--json", "--", "cp", "{in}", "{out}")

    found = json.loads(result.out)
    jsonschema.validate(found, json.loads((ROOT / "docs" / "wrap.schema.json").read_text(encoding="utf-8")))
    assert (found["command"], found["difference"]["equal"]) == (["cp", "{in}", "{out}"], True)


@pytest.mark.parametrize(
    ("status", "command", "said"),
    [
        (7, ["sh", "-c", "cp $0 $1; exit 7", "{in}", "{out}"], "sh: failed with exit status 7; nothing was written"),
        (137, ["sh", "-c", "kill -9 $$", "{in}", "{out}"], "sh: ended by signal 9; nothing was written"),
        (1, ["true", "{in}", "{out}"], "true: succeeded, but did not write {out}"),
        (1, ["sh", "-c", "echo hello > $1", "{in}", "{out}"], "sh: succeeded, but what it wrote cannot be used: "),
        (2, ["no-such-tool", "{in}", "{out}"], "no-such-tool: there is no such command; install it"),
        (2, ["/", "{in}", "{out}"], "/: cannot be started (Permission denied)"),
        (2, ["cp", "{in}"], "the command has no {out}"),
        (2, ["cp", "{out}"], "the command has no {in}"),
    ],
)
def test_a_tool_that_fails_leaves_nothing(hpass: Any, model: Path, status: int, command: list[str], said: str) -> None:
    if command[0] == "/" and os.name != "posix":
        pytest.skip("another message")
    old = model.with_name("out.onnx")
    old.write_text("old")

    result = hpass("wrap", model, "-o", old, "--", *command)

    assert (result.status, result.out) == (status, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert old.read_text() == "old"
    assert sorted(path.name for path in model.parent.iterdir()) == ["model.onnx", "out.onnx"]


def test_what_the_tool_prints_is_no_result(process: Any, model: Path) -> None:
    command = ["wrap", model, "-o", model.with_name("out.onnx"), "--json", "--"]

    done = process(*command, sys.executable, "-c", FORGET, "{in}", "{out}")

    assert done.stderr == b"done\n"
    assert json.loads(done.stdout)["nodes"] == 29


def test_external_data_of_the_result_goes_along(hpass: Any, tmp_path: Path) -> None:
    save = (
        "import sys, onnx; onnx.save(onnx.load(sys.argv[1]), sys.argv[2], save_as_external_data=True, "
        "size_threshold=1024, location='weights.bin')"
    )
    out = tmp_path / "out.onnx"

    command = ["wrap", FIXTURES / "bert_tiny.onnx", "-o", out, "--", sys.executable, "-c", save, "{in}", "{out}"]
    result = hpass(*command)

    assert result.status == 0, result.err
    onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.onnx", "weights.bin"]


@pytest.mark.parametrize("tool", ["onnxslim", "onnxsim"])
def test_real_tools(hpass: Any, tmp_path: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    out = tmp_path / "out.onnx"

    result = hpass("wrap", FIXTURES / "bert_tiny_torchscript.onnx", "-o", out, "--", tool, "{in}", "{out}")

    assert result.status == 0, result.err
    assert [f.severity for f in package.validate(out)] == []
    assert len(scopes(out)) < 278
    assert f"{len(scopes(out))} nodes tagged: {len(scopes(out))} reference\n" in result.out


def optimise(source: Path, target: Path) -> None:
    """Let onnxruntime write its optimised model."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(target)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def quantise(source: Path, target: Path) -> None:
    """Let onnxruntime quantise the weights."""
    quantize_dynamic(source, target)


@pytest.mark.parametrize("tool", [optimise, quantise])
def test_keeping_gives_the_result_of_a_library_its_tags_back(tmp_path: Path, tool: Any) -> None:
    source, target = FIXTURES / "bert_tiny.onnx", tmp_path / "out.onnx"

    with package.keeping(source, target) as kept:
        tool(source, target)

    assert kept.after is not None
    assert len(scopes(target)) == len(onnx.load(target).graph.node)
    assert {tag.source for _, tag in kept.after.tags()} == {package.Source.REFERENCE}


def test_keeping_a_model_that_is_changed_in_place(tagged: Path) -> None:
    before = scopes(tagged)

    with package.keeping(tagged):
        onnx.save(hpass_free(tagged), tagged)

    assert scopes(tagged) == before


def test_keeping_tags_nothing_after_an_exception(tagged: Path) -> None:
    with pytest.raises(ValueError, match="tool"), package.keeping(tagged):  # noqa: PT012 - the tool writes, then fails
        onnx.save(hpass_free(tagged), tagged)
        raise ValueError("tool")

    assert scopes(tagged) == []


def test_keeping_in_place_refuses_external_data(tmp_path: Path) -> None:
    for name in ("external_data.onnx", "external_data.bin"):
        shutil.copy(FIXTURES / name, tmp_path)

    with pytest.raises(package.UsageError, match="would write over its external data"):
        package.keeping(tmp_path / "external_data.onnx").__enter__()


def hpass_free(path: Path) -> onnx.ModelProto:
    """Return a model without names and tags."""
    proto = package.strip(path).proto
    for node in proto.graph.node:
        node.name = ""
    return proto
