"""Imports go downwards in the table of layers in docs/architecture.md, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest
from product import ROOT, sources

_HEAVY = {"torch", "transformers", "onnxscript", "onnx_ir"}


def test_every_folder_and_file_has_a_layer() -> None:
    assert {folder(path) for path in sources()} == set(layers())


@pytest.mark.parametrize("path", sources())
def test_a_file_imports_from_its_own_layer_or_a_lower_one(path: str) -> None:
    own = layers()[folder(path)]

    assert [name for name in imported_files(path) if layers()[folder(name)] < own] == []


@pytest.mark.parametrize("path", sources())
def test_only_the_exporter_imports_torch(path: str) -> None:
    if not path.startswith("exporter/"):
        assert _HEAVY & set(imported_packages(path)) == set()


@pytest.mark.parametrize("path", sources())
def test_the_exporter_is_apart(path: str) -> None:
    theirs = {folder(name).partition("/")[0] for name in imported_files(path)}

    if path.startswith("exporter/"):
        assert theirs <= {"exporter", "errors.py", "tags"}
    elif not path.startswith("cli/"):
        assert "exporter" not in theirs


@cache
def layers() -> dict[str, int]:
    """Return the row of each folder in the table, from the top."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("\n## Layers\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name.rstrip("/"): row for row, cell in enumerate(rows) for name in re.findall(r"`([^`]+)`", cell)}


def folder(path: str) -> str:
    """Return the folder of a file; a file at the root stands for itself."""
    parent = PurePosixPath(path).parent.as_posix()
    return path if parent == "." else parent


def imported_files(path: str) -> Iterator[str]:
    """Yield the package's files that a file imports."""
    package = PurePosixPath(path).parent
    for node in ast.walk(sources()[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [package, *package.parents][node.level - 1]
            module = base.joinpath(*(node.module or "").split("."))
            for name in node.names:
                candidates = (f"{module / name.name}.py", f"{module}.py", f"{module / '__init__.py'}")
                yield next(file for file in candidates if file in sources())


def imported_packages(path: str) -> Iterator[str]:
    """Yield the other packages that a file imports."""
    for node in ast.walk(sources()[path]):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        yield from (name.partition(".")[0] for name in names)
