"""The order of modules in the tree: that of the model, numbered ones by number."""

from __future__ import annotations

from collections import Counter

import pytest

from hpass import ModuleTable
from hpass.reporting.module_tree import draw, module_tree


def order(*scopes: str) -> list[str]:
    """Return the modules of a tree from the top down; the scopes are those of the nodes in file order."""
    root = module_tree(Counter(scopes), ModuleTable())
    return [line.branch.scope for line in draw(root)]


@pytest.mark.parametrize(
    ("nodes", "shown"),
    [
        (["stem", "head"], ["", "stem", "head"]),
        (["layer.10", "layer.2"], ["", "layer.2", "layer.10"]),
        (["layer10", "layer2"], ["", "layer2", "layer10"]),
        (["stem", "layer.10", "head", "layer.2"], ["", "stem", "layer.2", "head", "layer.10"]),
        (["up.1.conv", "up.0.conv", "down.0"], ["", "up.0.conv", "up.1.conv", "down.0"]),
        (["conv1", "bn1", "conv2", "bn2"], ["", "conv1", "bn1", "conv2", "bn2"]),
        (["a.1", "b", "a.0"], ["", "a.0", "b", "a.1"]),
    ],
)
def test_modules_stand_as_in_the_model_and_numbered_ones_by_number(nodes: list[str], shown: list[str]) -> None:
    assert order(*nodes) == shown


def test_modules_without_nodes_come_last_by_number() -> None:
    table = ModuleTable.from_json({"": "M", "layer.10": "Block", "layer.2": "Block", "stem": "Stem"}, "the test")

    root = module_tree(Counter(["stem"]), table)

    assert [child.scope for child in root.children] == ["stem", "layer.2", "layer.10"]
