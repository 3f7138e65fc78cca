"""The wheel: an explicit list of packages forgets silently, so what is installed does the main job."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
# What is in the repository and not in the package.
_OUTSIDE = ("tests", "fixtures", "benchmarks", "training", "docs", "build", ".*", "*.egg-info", "__pycache__")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package's sources, in a folder whose name is no package's."""
    return shutil.copytree(
        ROOT, tmp_path_factory.mktemp("source") / "1-hpass-main", ignore=shutil.ignore_patterns(*_OUTSIDE)
    )


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, checkout])
    (path,) = folder.iterdir()
    return path


def test_the_wheel_holds_every_module_and_nothing_beside_the_package(checkout: Path, wheel: Path) -> None:
    sources = {f"hpass/{path.relative_to(checkout)}" for path in checkout.rglob("*.py") if "build" not in path.parts}

    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert {name for name in names if name.endswith(".py")} == sources
    assert {name.partition("/")[0] for name in names} == {"hpass"}
    assert "hpass/py.typed" in names


def test_what_is_installed_does_the_main_job(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    _run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel])
    model = ROOT / "fixtures" / "bert_tiny_torchscript.onnx"
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import hpass; print(hpass.__file__); "
    code += f"sys.argv = ['hpass', 'run', {str(model)!r}, '-o', 'out.onnx']; from hpass.cli import main; main()"

    out = _run([sys.executable, "-c", code], cwd=tmp_path)

    assert out.splitlines()[0] == str(site / "hpass" / "__init__.py")
    assert "100% tagged" in out
    assert (tmp_path / "out.onnx").exists()


def _run(command: list[str | Path], cwd: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout
