"""What SECURITY.md says hpass never does. Tests of its other claims are beside the code that they are about."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from network import refuse_connections
from onnx import helper
from product import sources

from hpass.cli.main import run_command
from hpass.graph.verify.runtime import ComparisonOutcome, compare

FIXTURES = Path(__file__).parents[1] / "fixtures"
BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": 9,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 8,
}
# They run what they read, or talk to others.
_MODULES = {
    "pickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "joblib",
    "socket",
    "http",
    "requests",
    "httpx",
    "ftplib",
}
_MODULES |= {"ctypes", "cffi", "webbrowser"}
_CALLS = {"eval", "exec", "compile", "system", "popen", "register_custom_ops_library"}


def test_nothing_that_runs_data_is_imported() -> None:
    found = {
        f"{path}: {name}"
        for path, tree in sources().items()
        for name in _imported(tree)
        if name.partition(".")[0] in _MODULES or name.startswith(("urllib.request", "multiprocessing.connection"))
    }

    assert found == set()


def test_nothing_runs_text_or_starts_a_shell() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id in {"eval", "exec", "compile", "__import__"})
        or (isinstance(node, ast.Attribute) and node.attr in {"system", "popen", "register_custom_ops_library"})
        or (isinstance(node, ast.keyword) and node.arg == "shell")
    ]

    assert found == []


def test_a_file_is_run_in_one_place() -> None:
    runs = {"exec_module", "run_path", "run_module"}

    places = {
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in runs
    }

    assert places == {"exporter/factory.py"}


@pytest.mark.parametrize(
    "line",
    [
        "run {model} -o {out}",
        "run {model} -o {out} --reference {model} --modules {table}",
        "run {model} -o {out} --reference {checkpoint}",
        pytest.param("run {model} -o {out} --model {config}", marks=pytest.mark.torch),
        pytest.param("export {config} {out} --random-weights --engine torchscript", marks=pytest.mark.torch),
        "tree {model}",
        "show {model} #0",
        "validate {model}",
        "strip {model} -o {out}",
        "diff {model} {model}",
        "passes",
    ],
)
def test_no_command_uses_the_network_for_local_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    connections = refuse_connections(monkeypatch)
    names = {
        "model": shutil.copy(FIXTURES / "simple_cnn.onnx", tmp_path),
        "out": tmp_path / "out.onnx",
        "table": FIXTURES / "modules" / "simple_cnn.json",
        "checkpoint": tmp_path / "checkpoint.safetensors",
        "config": tmp_path / "config.json",
    }
    header = b'{"a.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    names["checkpoint"].write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    names["config"].write_text(json.dumps(BERT))

    status = run_command(line.format(**names).split())

    assert status in {0, 3}, capsys.readouterr().err
    assert connections == []


def test_an_operator_that_onnxruntime_does_not_have_is_not_looked_for(tmp_path: Path) -> None:
    """A model names a domain of custom operators; a library of that name beside it is not loaded."""
    node = helper.make_node("Custom", ["x"], ["y"], domain="evil")
    value = helper.make_tensor_value_info
    graph = helper.make_graph([node], "g", [value("x", 1, [1])], [value("y", 1, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("evil", 1)], ir_version=8)
    for name in ("evil.so", "libevil.so", "evil.dll"):
        (tmp_path / name).write_bytes(b"not a library")
    onnx.save(model, tmp_path / "model.onnx")

    found = compare(tmp_path / "model.onnx", tmp_path / "model.onnx")

    assert found.outcome is ComparisonOutcome.NOT_RUNNABLE
    assert "evil" in found.reason


def test_a_python_file_beside_a_model_is_not_run(tmp_path: Path) -> None:
    """Neither hpass nor the processes that it starts import from the working directory."""
    for name in ("model.onnx", "other.onnx"):
        shutil.copy(FIXTURES / "simple_cnn.onnx", tmp_path / name)
    marker = tmp_path / "ran"
    for name in ("onnx", "onnxruntime", "numpy", "json", "hpass", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    command = [sys.executable, "-P", "-c", "from hpass.cli import main; main()", "run", "model.onnx", "other.onnx"]

    done = subprocess.run(
        [*command, "--jobs", "2", "--verify-runtime"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not marker.exists()


def _imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
