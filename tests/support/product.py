"""The package's sources and settings."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@cache
def settings() -> dict[str, Any]:
    """Return what pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def sources() -> dict[str, ast.Module]:
    """Return the tree of each source file that the wheel holds, by its path below the root."""
    folders = settings()["tool"]["setuptools"]["package-dir"].values()
    files = sorted(path for folder in folders for path in (ROOT / folder).glob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}
