"""docs/findings.md has every rule that the code reports, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from product import ROOT, sources

_ROW = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)
_SEVERITIES = {"error", "warning", "info"}


def test_every_rule_is_on_the_page() -> None:
    assert set(reported_rules()) - rules_on_the_page() == set()


def test_every_rule_on_the_page_is_in_the_code() -> None:
    texts = {node.value for tree in sources().values() for node in ast.walk(tree) if isinstance(node, ast.Constant)}

    assert rules_on_the_page() - texts == set()


def rules_on_the_page() -> set[str]:
    return set(_ROW.findall((ROOT / "docs" / "findings.md").read_text(encoding="utf-8"))) - _SEVERITIES


def reported_rules() -> Iterator[str]:
    """Yield the rules in calls that report a finding, and those that a class `Rule` lists."""
    for tree in sources().values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(args=[ast.Attribute(value=ast.Name("Severity")), ast.Constant(str(rule)), *_]):
                    yield rule
                case ast.Call(func=ast.Name("Finding"), args=[_, ast.Constant(str(rule)), *_]):
                    yield rule
                case ast.Call(func=ast.Name("_error"), args=[ast.Constant(str(rule)), *_]):
                    yield rule
                case ast.ClassDef(name="Rule", body=body):
                    yield from (str(ast.literal_eval(item.value)) for item in body if isinstance(item, ast.Assign))
                case _:
                    pass
