"""Hostile names given to every command and every option: none reaches the terminal, a report or Markdown as it is."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile
import onnx
import pytest
from markdown_it import MarkdownIt
from typer.main import get_command

from hpass.cli import progress
from hpass.cli.app import app
from hpass.cli.progress import ProgressBar

TEXT, FILE = hostile.TEXT, hostile.FILE
PLAIN = FILE.replace("\n", "")[:60]

CASES: dict[str, dict[str, list[str]]] = {
    "run": {
        "sources": [
            "{a}",
            "{tagged} -v",
            "{future}",
            "{a} {b}",
            "{a} {none} -j2",
            "{text}",
            "{a} --passes scope-parse,validation",
            "{b} --verify-between",
        ],
        "--output": ["{a} -o {folder}", "{a} -o {text}/x.onnx", "{a} {b} -o {text}"],
        "--passes": ["{a} --passes {text}", "{a} --passes shout,validation", "{a} --passes broken"],
        "--set": ["{a} --set {text}", "{a} --set validation.runtime={text}"],
        "--modules": ["{a} --modules {table}", "{a} --modules {none}", "{a} --modules {a}"],
        "--model": ["{a} --model {text}", "{a} --model {factory}:fail", "{a} --model {factory}:make"],
        "--reference": ["{a} --reference {b}", "{a} --reference {none}", "{a} --reference {a}.safetensors"],
        "--retag": ["{tagged} --retag"],
        "--in-place": ["{a} --in-place -v"],
        "--external-data": ["{a} --external-data {text}", "{data} -o {folder}", "{missing}"],
        "--manifest": ["{a} {b} --manifest {folder}/m.jsonl", "{a} --manifest {table}"],
        "--cluster": ["{a} --cluster {text}"],
        "--jobs": ["{a} --jobs {text}", "{a} {b} --jobs 2"],
        "--report": [
            "{a} --report {report}.md",
            "{tagged} --report {report}.md --passes scope-parse,validation",
            "{a} --report {report}.md --passes shout,validation",
            "{a} --report {report}.json",
            "{a} --report {text}",
        ],
        "--json": ["{a} --json", "{a} {tagged} --json"],
        "--time-passes": ["{a} --time-passes", "{a} {b} --time-passes"],
        "--print-after": ["{a} --print-after fallback", "{a} --print-after {text}"],
        "--dump": ["{a} --dump {folder}/d", "{a} --dump {none}/d"],
        "--stop-after": ["{a} --stop-after {text}"],
        "--verify-between": ["{a} --verify-between", "{tagged} --verify-between"],
        "--fail-under": ["{a} --fail-under {text}", "{a} --fail-under high=95"],
        "--verify-runtime": ["{a} --verify-runtime"],
        "--verbose": ["{a} {b} --verbose"],
    },
    "passes": {
        "--json": ["--json", ""],
    },
    "tree": {
        "source": ["{a}", "{tagged}", "{none}", "{factory}"],
        "--depth": ["{a} --depth {text}"],
        "--cost": ["{a} --cost", "{b} --cost"],
        "--dim": ["{a} --cost --dim {text}", "{a} --cost --dim {text}=2"],
        "--profile": ["{a} --profile {table}", "{a} --profile {none}"],
        "--passes": ["{a} --passes {text}"],
        "--set": ["{a} --set {text}"],
        "--modules": ["{a} --modules {table}"],
        "--model": ["{a} --model {text}"],
        "--reference": ["{a} --reference {b}"],
        "--retag": ["{tagged} --retag"],
        "--json": ["{a} --json"],
    },
    "show": {
        "source": ["{none} #0"],
        "node": ["{a} #0", "{a} #1", "{a} Relu", "{a} {text}", "{a} a{text}"],
        "--stored": ["{tagged} #0 --stored"],
        "--passes": ["{a} #0 --passes {text}"],
        "--set": ["{a} #0 --set {text}"],
        "--modules": ["{a} #0 --modules {table}"],
        "--model": ["{a} #0 --model {text}"],
        "--reference": ["{a} #0 --reference {b}"],
        "--retag": ["{tagged} #0 --retag"],
        "--json": ["{a} #0 --json"],
    },
    "validate": {
        "source": ["{a}", "{tagged}", "{future}", "{none}"],
        "--against": ["{tagged} --against {a}", "{tagged} --against {b}"],
        "--full": ["{tagged} --full"],
        "--json": ["{tagged} --json"],
    },
    "strip": {
        "source": ["{none} -o {folder}"],
        "--output": ["{tagged} -o {folder}", "{tagged} -o {none}/{none}"],
        "--in-place": ["{tagged} --in-place"],
        "--external-data": ["{tagged} -o {folder} --external-data {text}"],
    },
    "diff": {
        "before": ["{a} {b}", "{none} {a}"],
        "after": ["{a} {tagged}", "{a} {none}"],
        "--json": ["{a} {b} --json"],
    },
    "select": {
        "source": ["{a} **", "{tagged} **", "{none} **"],
        "patterns": ["{a} {text}", "{a} :{text}"],
        "--select": ["{a} --select {none}", "{a} --select {table}"],
        "--for": [
            "{tagged} ** --for {text}",
            *(
                f"{{tagged}} ** --for {form}"
                for form in (
                    "ort-quant",
                    "qdq",
                    "float16",
                    "matmul-nbits",
                    "layer-ann",
                    "olive",
                    "modelopt",
                    "nncf",
                    "aimet",
                )
            ),
        ],
        "--output": ["{tagged} ** -o {folder}", "{tagged} ** -o {none}/x"],
        "--passes": ["{a} ** --passes {text}"],
        "--set": ["{a} ** --set {text}"],
        "--modules": ["{a} ** --modules {table}"],
        "--model": ["{a} ** --model {text}"],
        "--reference": ["{a} ** --reference {b}"],
        "--retag": ["{tagged} ** --retag"],
        "--json": ["{tagged} ** --json"],
    },
    "wrap": {
        "source": ["{none} -o {folder}/x.onnx -- cp {{in}} {{out}}"],
        "command": [
            "{a} -o {folder}/x.onnx -- {text} {{in}} {{out}}",
            "{a} -o {folder}/x.onnx -- cp {{in}} {{out}}",
            "{a} -o {folder}/x.onnx -- cp {{in}}",
        ],
        "--output": ["{a} -o {folder} -- cp {{in}} {{out}}"],
        "--passes": ["{a} -o {folder}/x.onnx --passes {text} -- cp {{in}} {{out}}"],
        "--set": ["{a} -o {folder}/x.onnx --set {text} -- cp {{in}} {{out}}"],
        "--modules": ["{a} -o {folder}/x.onnx --modules {table} -- cp {{in}} {{out}}"],
        "--model": ["{a} -o {folder}/x.onnx --model {text} -- cp {{in}} {{out}}"],
        "--reference": ["{a} -o {folder}/x.onnx --reference {b} -- cp {{in}} {{out}}"],
        "--retag": ["{tagged} -o {folder}/x.onnx --retag -- cp {{in}} {{out}}"],
        "--json": ["{a} -o {folder}/x.onnx --json -- cp {{in}} {{out}}"],
    },
    "cost": {
        "source": ["{a}", "{tagged}", "{none}", "{factory}"],
        "--dim": ["{a} --dim {text}", "{a} --dim {text}=2"],
        "--passes": ["{a} --passes {text}"],
        "--set": ["{a} --set {text}"],
        "--modules": ["{a} --modules {table}"],
        "--model": ["{a} --model {text}"],
        "--reference": ["{a} --reference {b}"],
        "--retag": ["{tagged} --retag"],
        "--json": ["{a} --json"],
    },
    "profile": {
        "source": ["{a}", "{none}"],
        "--runs": ["{a} --runs {text}"],
        "--warmup": ["{a} --warmup {text}"],
        "--threads": ["{a} --threads {text}"],
        "--level": ["{a} --level {text}"],
        "--ep": ["{a} --ep {text}", "{a} --ep {plain}:a=b"],
        "--dim": ["{a} --dim {text}", "{a} --dim {plain}=1"],
        "--inputs": ["{a} --inputs {none}", "{a} --inputs {table}"],
        "--trace": ["{a} --trace {none}", "{a} --trace {table}"],
        "--optimized": ["{a} --trace {table} --optimized {b}"],
        "--output": ["{a} -o {folder}", "{a} -o {none}.json"],
        "--passes": ["{a} --passes {text}"],
        "--set": ["{a} --set {text}"],
        "--modules": ["{a} --modules {table}"],
        "--model": ["{a} --model {text}"],
        "--reference": ["{a} --reference {b}"],
        "--retag": ["{tagged} --retag"],
        "--json": ["{a} --json"],
    },
    "inputs": {
        "source": ["{a} -o {folder}/x.npz", "{none} -o {folder}/x.npz"],
        "--output": ["{a} -o {folder}", "{a} -o {none}/x.npz"],
        "--dim": ["{a} -o {folder}/x.npz --dim {text}", "{a} -o {folder}/x.npz --dim {plain}=1"],
        "--json": ["{a} -o {folder}/x.npz --json"],
    },
    "extract": {
        "source": ["{none} m -o {folder}/x.onnx"],
        "scopes": ["{a} {text} -o {folder}/x.onnx", "{tagged} {plain} -o {folder}/x.onnx"],
        "--output": ["{tagged} m -o {none}/x.onnx"],
        "--call": ["{tagged} m -o {folder}/x.onnx --call {text}"],
        "--depth": ["{tagged} -o {folder} --depth {text}", "{tagged} -o {folder} --depth 1"],
        "--inputs": ["{tagged} m -o {folder}/x.onnx --inputs {none}", "{tagged} m -o {folder}/x.onnx --inputs {table}"],
        "--passes": ["{a} m -o {folder}/x.onnx --passes {text}"],
        "--set": ["{a} m -o {folder}/x.onnx --set {text}"],
        "--modules": ["{a} m -o {folder}/x.onnx --modules {table}"],
        "--model": ["{a} m -o {folder}/x.onnx --model {text}"],
        "--reference": ["{a} m -o {folder}/x.onnx --reference {b}"],
        "--retag": ["{tagged} m -o {folder}/x.onnx --retag"],
        "--json": ["{tagged} -o {folder} --depth 1 --json"],
    },
    "compare": {
        "before": ["{a} {b}", "{none} {a}"],
        "after": ["{a} {tagged}", "{a} {none}"],
        "--inputs": ["{a} {b} --inputs {none}", "{a} {b} --inputs {table}"],
        "--dim": ["{a} {b} --dim {text}", "{a} {b} --dim {plain}=1"],
        "--runs": ["{a} {b} --runs 2"],
        "--all": ["{a} {b} --all"],
        "--suggest": ["{a} {b} --suggest 2", "{a} {b} --suggest {text}"],
        "--threshold": ["{a} {b} --threshold {text}"],
        "--ignore-weights": ["{a} {b} --ignore-weights"],
        "--a-ep": ["{a} {b} --a-ep {text}"],
        "--b-ep": ["{a} {b} --b-ep {text}"],
        "--a-level": ["{a} {b} --a-level {text}"],
        "--b-level": ["{a} {b} --b-level {text}"],
        "--json": ["{a} {b} --json"],
    },
    "report": {
        "source": ["{a} -o {folder}/r.html", "{none} -o {folder}/r.html"],
        "--output": ["{a} -o {folder}", "{a} -o -", "{a} -o {text}/x.html"],
        "--cost": ["{a} -o {folder}/r.html --cost"],
        "--comparison": ["{a} -o {folder}/r.html --comparison {table}", "{a} -o {folder}/r.html --comparison {none}"],
        "--dim": ["{a} -o {folder}/r.html --cost --dim {text}", "{a} -o {folder}/r.html --cost --dim {plain}=1"],
        "--profile": ["{a} -o {folder}/r.html --profile {table}", "{a} -o {folder}/r.html --profile {none}"],
        "--against": ["{a} -o {folder}/r.html --against {b}", "{a} -o {folder}/r.html --against {none}"],
        "--passes": ["{a} -o {folder}/r.html --passes {text}"],
        "--set": ["{a} -o {folder}/r.html --set {text}"],
        "--modules": ["{a} -o {folder}/r.html --modules {table}"],
        "--model": ["{a} -o {folder}/r.html --model {text}"],
        "--reference": ["{a} -o {folder}/r.html --reference {b}"],
        "--retag": ["{tagged} -o {folder}/r.html --retag"],
    },
    "export": {
        "model": [
            "{text} {folder}/x.onnx",
            "{factory}:fail {folder}/x.onnx",
            "{factory}:none {folder}/x.onnx",
            "{table} x.onnx",
        ],
        "out": ["{factory}:make {text}", "{factory}:make {folder}"],
        "--task": ["{config} {folder}/x.onnx --task {text} --random-weights"],
        "--class": ["{config} {folder}/x.onnx --class {text} --random-weights"],
        "--input": [
            "{factory}:make {folder}/x.onnx --input {text}",
            "{factory}:make {folder}/x.onnx --input {plain}=1:float32",
        ],
        "--engine": ["{factory}:make {folder}/x.onnx --engine {text}"],
        "--generation": ["{factory}:make {folder}/x.onnx --generation"],
        "--dynamic": ["{factory}:fail {folder}/x.onnx --dynamic"],
        "--random-weights": ["{table} {folder}/x.onnx --random-weights"],
        "--trust-remote-code": ["{text} {folder}/x.onnx --trust-remote-code"],
        "--modules-out": ["{factory}:make {folder}/x.onnx --engine torchscript --modules-out {report}.json"],
        "--verbose": ["{factory}:make {folder}/x.onnx --engine torchscript --verbose"],
    },
}


def _parameters() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its arguments and options."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            yield name, max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.name


def test_every_parameter_of_every_command_has_a_case() -> None:
    assert {(command, parameter) for command, cases in CASES.items() for parameter in cases} == set(_parameters())


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what the placeholders of a case stand for: files with hostile names and hostile contents."""
    folder = tmp_path / PLAIN
    folder.mkdir()
    made = {
        "a": hostile.model(),
        "b": hostile.model(f"Other{hostile.NAME}"),
        "tagged": hostile.tagged(),
        "future": hostile.future(),
        "data": _with_data(f"{PLAIN}.bin"),
        "missing": _with_data(f"none{PLAIN}"),
    }
    paths = {name: tmp_path / f"{name}{FILE}" for name in made}
    for name, proto in made.items():
        onnx.save(proto, paths[name])
    (tmp_path / f"{PLAIN}.bin").write_bytes(bytes(4))
    (tmp_path / f"table{FILE}.json").write_text(json.dumps(hostile.table()))
    (tmp_path / f"factory{PLAIN}.py").write_text(hostile.FACTORY)
    config = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 9, "intermediate_size": 8}))
    plugins = hostile.entry_points(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("hpass.registry.entry_points", lambda **_: plugins)
    monkeypatch.chdir(folder)
    return {
        "text": TEXT,
        "plain": PLAIN,
        **{name: str(path) for name, path in paths.items()},
        "none": str(tmp_path / f"none{FILE}"),
        "folder": str(folder),
        "report": str(tmp_path / f"report{FILE}"),
        "table": str(tmp_path / f"table{FILE}.json"),
        "factory": str(tmp_path / f"factory{PLAIN}.py"),
        "config": str(tmp_path / "config.json"),
    }


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        pytest.param(command, line.split(), id=f"{command} {line}", marks=[pytest.mark.torch] * ("{factory}:" in line))
        for command, cases in CASES.items()
        for lines in cases.values()
        for line in lines
    ],
)
def test_no_name_is_written_as_it_is(
    hpass: Any, names: dict[str, str], tmp_path: Path, command: str, arguments: list[str]
) -> None:
    result = hpass(command, *(argument.format(**names) for argument in arguments))

    assert result.status in {0, 1, 2, 3}
    assert result.status in {0, 3} or len(result.err.splitlines()) >= 1
    assert "Traceback" not in result.err
    texts = [result.out, result.err]
    for report in tmp_path.rglob("report*"):
        texts.append(report.read_text(encoding="utf-8"))
        if report.suffix == ".md":
            _check_markdown(texts[-1])
        else:
            json.loads(texts[-1])
    if "--json" in arguments and result.status in {0, 3}:
        json.loads(result.out)
    for text in texts:
        assert [line for line in text.split("\n") if not line.isprintable()] == []


def _with_data(location: str) -> onnx.ModelProto:
    proto = hostile.model()
    (tensor,) = proto.graph.initializer
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return proto


def _check_markdown(text: str) -> None:
    """Check that all but the report's own headings, lists, tables and its one code block are plain text and code."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert {kind.removesuffix("_open").removesuffix("_close") for kind in kinds} <= {
        *("heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"),
        *("inline", "text", "text_special", "code_inline", "fence", "softbreak"),
    }
    assert [token.tag for token in tokens if token.type == "heading_open"].count("h1") == 1
    (fence,) = [token for token in tokens if token.type == "fence"]
    assert text.endswith(f"```text\n{fence.content}```\n"), "the block of modules is the last, and whole"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("line", ["run {a} -v", "tree {a}", "show {a} #1", "diff {a} {b}", "validate {tagged}"])
def test_a_terminal_gets_no_codes_but_colours(
    hpass: Any, names: dict[str, str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    hpass(*(argument.format(**names) for argument in line.split()))

    shown = stream.getvalue()
    assert "\x1b[0m" in shown
    # The hostile colour begins with C1's CSI, and its commands are no colours.
    plain = re.sub(r"\x1b\[[0-9]+m", "", shown)
    assert [line for line in plain.split("\n") if not line.isprintable()] == []


def test_the_bar_shows_markup_and_codes_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_DELAY_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "300")

    with ProgressBar(2) as bar:
        bar.start_step("[red]r[/red][link=http://k]l[/link]\x1b]0;t\x07\u202e\n")
        bar._timer.join()  # type: ignore[union-attr]

    assert r"[red]r[/red][link=http://k]l[/link]\x1b]0;t\x07\u202e\n" in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()
