"""What the package imports is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from product import settings, sources

# By torch and by universal-pathlib.
_IMPORTED_BY_OTHERS = {"onnxscript", "s3fs"}
# The extras that a folder's files may import.
_EXTRAS = {"exporter": ["export"], "batch": ["cluster", "remote"]}


def test_every_import_is_declared() -> None:
    undeclared = {
        f"{path}: {package}"
        for path, tree in sources().items()
        for package in imports(tree)
        if not distributions(package) & (declared() | extras(path))
    }

    assert undeclared == set()


def test_every_dependency_is_imported() -> None:
    used = {name for tree in sources().values() for package in imports(tree) for name in distributions(package)}

    everything = declared().union(*map(declared, {extra for each in _EXTRAS.values() for extra in each}))
    assert everything - _IMPORTED_BY_OTHERS - used == set()


def extras(path: str) -> set[str]:
    """Return what a file may import besides what is always installed."""
    return set().union(*map(declared, _EXTRAS.get(path.partition("/")[0], [])))


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the packages that a module imports and that are neither Python's nor its own."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names = [node.module]
        yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names


@cache
def installed() -> dict[str, set[str]]:
    return {package: {canonicalize_name(name) for name in names} for package, names in packages_distributions().items()}


def distributions(package: str) -> set[str]:
    return installed().get(package, set())


def declared(extra: str | None = None) -> set[str]:
    project = settings()["project"]
    lines = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}
