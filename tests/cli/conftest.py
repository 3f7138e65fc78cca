"""Running the command line: inside this process, or as one of its own where streams and signals matter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hpass.cli.main import run_command

FIXTURES = Path(__file__).parents[2] / "fixtures"


class Result(NamedTuple):
    """What a command line left behind."""

    status: int
    out: str
    err: str


Hpass = Callable[..., Result]


@pytest.fixture
def hpass(capsys: pytest.CaptureFixture[str]) -> Hpass:
    """Return a function that runs a command line in this process."""

    def run(*arguments: str | Path) -> Result:
        status = run_command([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Return a function that runs a command line in a process of its own."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "hpass", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, check=False, timeout=120, **options)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the path of a small model in a folder of its own."""
    return Path(shutil.copy(FIXTURES / "simple_cnn_torchscript.onnx", tmp_path / "model.onnx"))


@pytest.fixture
def control_flow(tmp_path: Path) -> Path:
    """Return the path of a model with subgraphs."""
    return Path(shutil.copy(FIXTURES / "control_flow_names.onnx", tmp_path / "control_flow.onnx"))
