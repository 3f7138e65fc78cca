"""Every example of docs/patterns.md holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from product import ROOT

from hpass import ModuleTable, Pattern, UsageError
from hpass.selection.modules import all_modules, select_modules

PAGE = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8").partition("\n## Examples\n")[2]
_CODE = re.compile(r"`([^`]+)`|\((root)\)")


def rows(heading: str) -> Iterator[tuple[str, str]]:
    """Yield the two cells of each row of the table with this heading."""
    table = PAGE.partition(f"\n{heading}\n|---|---|\n")[2].partition("\n\n")[0]
    for line in table.splitlines():
        _, left, right, _ = re.split(r"(?<!\\)\|", line)
        yield left.strip(), right.strip()


def names(cell: str) -> list[str]:
    """Return the code spans of a cell; the root is the empty name."""
    return ["" if root else code for code, root in _CODE.findall(cell)]


def table() -> ModuleTable:
    found = ModuleTable()
    for cell, class_name in rows("| module | class |"):
        called = not class_name.startswith("(")
        found.add(names(cell)[0], class_name if called else None, called=called)
    return found


EXAMPLES = [(names(patterns), names(modules)) for patterns, modules in rows("| patterns | modules |")]
ERRORS = [(names(pattern)[0], re.sub(r"\\(.)", r"\1", message)) for pattern, message in rows("| pattern | message |")]


def test_the_page_has_forty_examples() -> None:
    assert len(EXAMPLES) >= 40
    assert ERRORS


@pytest.mark.parametrize(("patterns", "expected"), EXAMPLES, ids=" ".join)
def test_an_example(patterns: list[str], expected: list[str]) -> None:
    modules = table()
    everything = all_modules(modules, ())
    wanted = {
        scope
        for name in expected
        for scope in everything
        if scope == name.removesuffix("…") or (name.endswith("…") and scope.startswith(f"{name[:-1]}."))
    }

    assert set(select_modules([Pattern.parse(text) for text in patterns], everything, modules)) == wanted


@pytest.mark.parametrize(("pattern", "message"), ERRORS, ids=[pattern for pattern, _ in ERRORS])
def test_an_error(pattern: str, message: str) -> None:
    modules = table()

    with pytest.raises(UsageError) as raised:
        select_modules([Pattern.parse(pattern)], all_modules(modules, ()), modules)

    assert str(raised.value) == message
