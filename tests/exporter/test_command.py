from __future__ import annotations

from pathlib import Path

import pytest

from hpass.cli.main import run_command
from hpass.exporter import write

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models.py"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_results_on_stdout_and_progress_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.onnx"
    assert run_command(["export", f"{MODELS}:net", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"{out}: 14 nodes, 11 called modules, dynamo",
        "  inputs: x=1x3x8x8:float32",
    ]
    assert printed.err.splitlines() == ["building the model", "exporting with dynamo", "staging", "writing"]


def test_the_data_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MAX_INLINE_BYTES", 0)
    assert run_command(["export", f"{MODELS}:net", str(tmp_path / "net.onnx"), "--engine", "torchscript"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [f"{tmp_path / 'net.onnx.data'}: its external data"]


def test_paths_are_told_as_they_were_written(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MAX_INLINE_BYTES", 0)
    (here / "real").mkdir()
    (here / "linked").symlink_to("real")
    arguments = ["export", f"{MODELS}:net", "linked/net.onnx", "--engine", "torchscript", "--modules-out", "table.json"]
    assert run_command(arguments) == 0
    told = [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert told == ["linked/net.onnx", "linked/net.onnx.data", "table.json"]
    assert all(Path(file).is_file() for file in told)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere.py:make", "out.onnx"], 1, "nowhere.py: no such file"),
        (
            [f"{MODELS}:net", "out.onnx", "--engine", "steam"],
            2,
            "--engine steam: unknown engine; use one of auto, dynamo",
        ),
        ([f"{MODELS}:net", "out.onnx", "--input", "x"], 2, "--input x: not of the form name=shape:dtype"),
        ([f"{MODELS}:net", "out.onnx", "--input", "y=1"], 1, "forward has no such input; it takes x"),
        ([f"{MODELS}:unsupported", "out.onnx"], 1, "-v shows the exporter's report"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert run_command(["export", *arguments]) == status
    printed = capsys.readouterr()
    assert not printed.out
    assert message in printed.err.splitlines()[-1]
    assert "Traceback" not in printed.err
    assert not list(here.iterdir())


FAILING = {
    "forward fails": "def forward(self, x): raise KeyError('two\\nlines')",
    "forward ends the process": "def forward(self, x): raise SystemExit(0)",
    "forward calls itself": "def forward(self, x): return self.forward(x)",
    "an error without a text": "def forward(self, x): raise Odd",
    "its modules cannot be listed": "def named_modules(self, *_, **__): raise ValueError",
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_module_that_fails_is_one_line_and_leaves_no_file(
    kind: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    file = here / "failing.py"
    file.write_text(
        "import torch\nclass Odd(Exception):\n    def __str__(self): raise ValueError\n"
        f"class Net(torch.nn.Module):\n    def forward(self, x): return x\n    {FAILING[kind]}\n"
        "def make(): return Net(), torch.zeros(1)\n"
    )

    assert run_command(["export", f"{file}:make", "out.onnx"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("hpass: ") for line in lines) == 1
    assert lines[-1].startswith("hpass: ")
    assert list(here.iterdir()) == [file]


def test_a_module_whose_attributes_fail_is_exported(here: Path) -> None:
    file = here / "failing.py"
    file.write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return x + 1\n"
        "    @property\n    def input_modalities(self): raise RuntimeError\n"
        "def make(): return Net(), torch.zeros(1)\n"
    )

    assert run_command(["export", f"{file}:make", "out.onnx"]) == 0


def test_verbose_shows_the_exporter_s_own_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["export", f"{MODELS}:unsupported", str(tmp_path / "out.onnx"), "-v", "--engine", "dynamo"]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "[torch.onnx]" in printed.err
    assert "Traceback" in printed.err
