"""`hpass cost` and `hpass tree --cost`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCHEMA = FIXTURES.parent / "docs" / "cost.schema.json"
BERT = FIXTURES / "bert_tiny.onnx"
NUMBERS = ("--dim", "s72=2", "--dim", "s53=16", "--dim", "s43=16")


def test_the_totals_and_the_tree(hpass: Any) -> None:
    result = hpass("cost", BERT, *NUMBERS)

    assert result.status == 0
    assert "MACs          5,537,792\n" in result.out
    assert "parameters    195,588 in 782,352 bytes\n" in result.out
    assert "├─ query: Linear" in result.out


def test_a_free_dimension_is_named(hpass: Any) -> None:
    result = hpass("cost", BERT)

    assert "512*s53**2*s72 + 163840*s53*s72 + 16384*s72\n" in result.out
    assert "free          s43, s53, s72; --dim s43=SIZE gives a number\n" in result.out


def test_what_is_not_known_is_shown(hpass: Any) -> None:
    result = hpass("cost", FIXTURES / "control_flow.onnx")

    assert "MACs          72 + ?\n" in result.out
    assert "unknown       4 nodes (Gemm 1, Relu 1, Add 1, Less 1)\n" in result.out


@pytest.mark.parametrize("arguments", [NUMBERS, ()])
def test_json_keeps_its_schema(hpass: Any, arguments: tuple[str, ...]) -> None:
    value = json.loads(hpass("cost", BERT, *arguments, "--json").out)

    jsonschema.validate(value, json.loads(SCHEMA.read_text(encoding="utf-8")))
    total = value["total"]
    assert value["modules"][""]["macs"] == total["macs"] == (5_537_792 if arguments else None)
    assert (total["macs_formula"] is None) == bool(arguments)


def test_the_tree_with_costs(hpass: Any) -> None:
    shown = hpass("tree", BERT, "--cost", *NUMBERS, "--depth", "1")
    entry = json.loads(hpass("tree", BERT, "--cost", *NUMBERS, "--json").out)

    assert shown.out.splitlines()[0].split() == [
        "own",
        "all",
        "MACs",
        "FLOPs",
        "parameters",
        "activations",
        "intensity",
    ]
    assert "32,768" in next(line for line in shown.out.splitlines() if "pooler" in line)
    assert entry["cost"]["macs"] == 5_537_792
    assert sum(child["cost"]["macs"] for child in entry["children"]) == 5_537_792


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("cost", BERT, "--dim", "s53"), "--dim s53: write NAME=SIZE"),
        (("cost", BERT, "--dim", "s54=2"), "has no free dimension 's54'; did you mean s53"),
        (("tree", BERT, "--dim", "s53=2"), "--dim belongs to the cost of modules; add --cost"),
    ],
)
def test_a_mistake_is_one_line(hpass: Any, command: tuple[Any, ...], message: str) -> None:
    result = hpass(*command)

    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1
