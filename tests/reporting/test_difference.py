"""How the modules of two models differ."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest

import hpass
from hpass.reporting.difference import Difference, ModuleChange, Move, difference

HEADER = '<ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] z) '
BEFORE = '{["/a/Relu"] y = Relu(x) ["/a/Neg"] w = Neg(y) ["/b/Abs"] z = Abs(w)}'


def compared(after: str) -> Difference:
    runs = [hpass.run(onnx.parser.parse_model(HEADER + text)) for text in (BEFORE, after)]
    return difference(*runs)


def test_a_model_does_not_differ_from_itself() -> None:
    found = compared(BEFORE)
    assert not found
    assert (found.before.nodes, found.before.modules) == (3, 2)


@pytest.mark.parametrize(
    ("after", "kind", "change"),
    [
        (
            '{["/a/Relu"] y = Relu(x) ["/a/Neg"] w = Neg(y) ["/b/Abs"] u = Abs(w) ["/c/Exp"] z = Exp(u)}',
            "added",
            ModuleChange("c", None, Counter(), Counter(Exp=1)),
        ),
        (
            '{["/a/Relu"] y = Relu(x) ["/a/Neg"] z = Neg(y)}',
            "gone",
            ModuleChange("b", None, Counter(Abs=1), Counter()),
        ),
        (
            '{["/a/Sigmoid"] w = Sigmoid(x) ["/b/Abs"] z = Abs(w)}',
            "changed",
            ModuleChange("a", None, Counter(Relu=1, Neg=1), Counter(Sigmoid=1)),
        ),
    ],
)
def test_modules_are_added_gone_and_changed(after: str, kind: str, change: ModuleChange) -> None:
    found = compared(after)
    assert [kind for kind in ("added", "gone", "changed") if getattr(found, kind)] == [kind]
    assert getattr(found, kind) == (change,)
    assert found.moved == ()


def test_a_node_that_ran_elsewhere_has_moved() -> None:
    found = compared(BEFORE.replace("/a/Neg", "/b/Neg"))
    assert found.moved == (Move("#1", "#1", "Neg", "/b/Neg", "a", "b"),)
    assert [(change.scope, change.fewer, change.more) for change in found.changed] == [
        ("a", Counter(Neg=1), Counter()),
        ("b", Counter(), Counter(Neg=1)),
    ]


def test_as_json_it_says_the_same() -> None:
    data = compared(BEFORE.replace("/b/Abs", "/c/Abs")).to_json()
    assert data["equal"] is False
    assert data["gone"] == [{"scope": "b", "class": None, "before": {"Abs": 1}, "after": {}}]
    assert data["added"] == [{"scope": "c", "class": None, "before": {}, "after": {"Abs": 1}}]
    assert data["moved"][0]["to_scope"] == "c"
