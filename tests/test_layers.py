"""Imports go downwards in the table of layers in docs/architecture.md, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

from product import ROOT, sources

_TORCH = {"torch", "transformers", "onnxscript", "onnx_ir"}

# Modules of the standard library that Windows lacks.
_POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}

# What the exporter takes of the rest.
_FOR_THE_EXPORTER = ("errors.py", "tags/", "graph/files/", "graph/verify/")
# Fields of ONNX's messages, of which a file may hold strings that are no UTF-8.
_FIELDS_WITH_STRINGS = {"metadata_props", "op_type", "overload", "initializer", "value_info", "dim_param"}


def test_every_folder_and_file_has_a_layer() -> None:
    assert {folder(path) for path in sources()} == set(layers())


def test_the_readme_has_every_folder_and_file_on_its_map() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Development\n")[2]

    assert layers().keys() <= names_in_first_column(text).keys()


def test_a_file_imports_from_its_own_layer_and_from_lower_ones() -> None:
    upwards = [
        f"{path} imports {name}"
        for path in sources()
        for name in imported_files(path)
        if layers()[folder(name)] < layers()[folder(path)]
    ]

    assert upwards == []


def test_the_exporter_is_apart() -> None:
    joints = [
        f"{path} imports {name}"
        for path in sources()
        for name in imported_files(path)
        if (is_exporter(path) and not is_exporter(name) and not name.startswith(_FOR_THE_EXPORTER))
        or (is_exporter(name) and not is_exporter(path) and not path.startswith("cli/"))
    ]

    assert joints == []


def test_only_the_exporter_imports_torch() -> None:
    assert [path for path in sources() if not is_exporter(path) and _TORCH.intersection(imported_packages(path))] == []


def test_strings_of_messages_are_read_where_they_are_decoded() -> None:
    read = [
        f"{path}: {node.attr}"
        for path, tree in sources().items()
        if not path.startswith(("graph/", "tags/", "costs/", "exporter/", "extraction/", "outlining/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in _FIELDS_WITH_STRINGS
    ]

    assert read == []


def test_no_module_of_a_posix_system_is_imported_without_an_alternative() -> None:
    unguarded = [
        f"{path} imports {name}"
        for path, tree in sources().items()
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        if name in _POSIX_ONLY
    ]

    assert unguarded == []


@cache
def layers() -> dict[str, int]:
    """Return the row of each folder in the table, from the top."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return names_in_first_column(text.partition("\n## Layers\n")[2].partition("\n## ")[0])


def names_in_first_column(text: str) -> dict[str, int]:
    """Return the code spans in the first column of a table, each with its row."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name.rstrip("/"): row for row, cell in enumerate(rows) for name in re.findall(r"`([^`]+)`", cell)}


def is_exporter(path: str) -> bool:
    return path.startswith("exporter/")


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
