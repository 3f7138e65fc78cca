"""Real models: the fixtures always, and every model below the folder that HPASS_CORPUS names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `model_file` on each of them."""
    if "model_file" in metafunc.fixturenames:
        models = [pytest.param(path, id=path.stem) for path in sorted(FIXTURES.glob("*.onnx"))]
        metafunc.parametrize("model_file", [*models, *_corpus()], scope="module")


def _corpus() -> list[object]:
    folder = Path(os.environ.get("HPASS_CORPUS") or os.devnull)
    found = [pytest.param(path, id=str(path.relative_to(folder))) for path in sorted(folder.rglob("*.onnx"))]
    return found or [pytest.param(None, id="corpus", marks=pytest.mark.skip("HPASS_CORPUS names no folder of models"))]
