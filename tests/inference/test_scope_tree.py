"""The module tree: its queries agree with the functions on names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpass import Module, ModuleTable
from hpass.inference.arrays import UNKNOWN, Ids
from hpass.inference.scope_tree import ScopeTree
from hpass.tags.scope import depth, is_descendant, lca, parent

SCOPE = st.lists(st.sampled_from(["a", "b", "0", "1"]), max_size=5).map(".".join)
SCOPES = st.lists(SCOPE, min_size=1, max_size=12)


def numbers_of(tree: ScopeTree, scopes: list[str]) -> Ids:
    return np.array([tree.id(scope) for scope in scopes], np.int64)


@given(SCOPES)
def test_every_module_is_a_child_of_its_parent(scopes: list[str]) -> None:
    tree = ScopeTree(scopes, ModuleTable())

    assert set(scopes) | {""} <= set(tree.names)
    assert [tree.names[number] for number in tree.parent] == [parent(name) for name in tree.names]
    assert tree.depth.tolist() == [depth(name) for name in tree.names]
    assert tree.has_children.tolist() == [
        any(other and parent(other) == name for other in tree.names) for name in tree.names
    ]


@given(SCOPES, st.data())
def test_the_lca_of_two_modules_is_that_of_their_names(scopes: list[str], data: st.DataObject) -> None:
    tree = ScopeTree(scopes, ModuleTable())
    first, second = (data.draw(st.lists(st.sampled_from(tree.names), min_size=3, max_size=3)) for _ in range(2))

    found = tree.lca(numbers_of(tree, first), numbers_of(tree, second))

    pairs = list(zip(first, second, strict=True))
    assert [tree.names[number] for number in found] == [lca(pair) for pair in pairs]
    assert tree.is_descendant(numbers_of(tree, first), numbers_of(tree, second)).tolist() == [
        is_descendant(one, other) for one, other in pairs
    ]


@given(SCOPES, st.data())
def test_the_lca_of_a_segment_is_that_of_its_names(scopes: list[str], data: st.DataObject) -> None:
    tree = ScopeTree(scopes, ModuleTable())
    rows = data.draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(tree.names)), max_size=10))
    segments = np.array([segment for segment, _ in rows], np.int64)

    found = tree.segment_lca(segments, numbers_of(tree, [scope for _, scope in rows]), 4)

    for segment, number in enumerate(found.tolist()):
        names = [scope for one, scope in rows if one == segment]
        assert (None if number == UNKNOWN else tree.names[number]) == (lca(names) if names else None)


def test_the_lca_with_an_unknown_module_is_unknown(
    modules: ScopeTree, numbers: Callable[..., Ids], names: Callable[..., list[str | None]]
) -> None:
    found = modules.lca_of_known(numbers(modules, ["a.b", None, None]), numbers(modules, ["a.c", "a", None]))

    assert names(modules, found) == ["a", None, None]


@given(SCOPES)
def test_the_path_to_the_root_has_every_parent(scopes: list[str]) -> None:
    tree = ScopeTree(scopes, ModuleTable())

    for number, name in enumerate(tree.names):
        path = [tree.names[step] for step in tree.path_to_root(number)]
        assert path[0] == name
        assert path[-1] == ""
        assert path[1:] == [parent(step) for step in path[:-1]]


def test_containers_that_are_never_called_are_not_in_the_tree() -> None:
    table = ModuleTable.from_json({"": "M", "layers": {"called": False}, "layers.0": "L"}, "the test")

    tree = ScopeTree(["layers.0"], table)

    assert tree.names == ["", "layers.0"]
    assert tree.parent.tolist() == [0, 0]


def test_modules_that_differ_in_digits_only_have_one_digit_pattern(tree: Callable[..., ScopeTree]) -> None:
    found = tree("layer.0.fc", "layer.11.fc", "layer.0.act")

    pattern = {name: found.digit_pattern_id[number] for number, name in enumerate(found.names)}
    assert pattern["layer.0.fc"] == pattern["layer.11.fc"] != pattern["layer.0.act"]
    assert pattern["layer.0"] == pattern["layer.11"]


def test_modules_of_one_class_are_a_group_and_of_unknown_classes_those_with_the_same_children() -> None:
    classes = {"x": "Block", "y": "Block", "z": "Other", "layer.0": None, "layer.1": None, "layer.2": None}
    table = ModuleTable({name: Module(class_name) for name, class_name in classes.items()})

    tree = ScopeTree([*classes, "layer.0.conv", "layer.1.conv", "layer.2.norm"], table)

    group = {name: int(number) for name, number in zip(tree.names, tree.class_group_id, strict=True)}
    assert group["x"] == group["y"] != group["z"]
    assert group["layer.0"] == group["layer.1"] != group["layer.2"]


def test_a_module_with_one_child_that_is_not_numbered_has_not_only_numbered_children() -> None:
    tree = ScopeTree(["stem.0", "stem.1", "body.0", "body.norm", "head"], ModuleTable())

    assert [name for name, only in zip(tree.names, tree.has_only_numbered_children, strict=True) if only] == ["stem"]


def test_a_leaf_counts_as_its_parent(tree: Callable[..., ScopeTree]) -> None:
    found = tree("a.b")

    nonleaf = {name: found.names[found.self_or_parent_of_leaf[number]] for number, name in enumerate(found.names)}
    assert nonleaf == {"": "", "a": "a", "a.b": "a"}


def test_thousands_of_levels_do_not_overflow() -> None:
    levels = 3_000

    tree = ScopeTree([".".join("m" * levels)], ModuleTable())

    assert tree.depth.max() == levels
    assert len(tree.path_to_root(int(tree.depth.argmax()))) == levels + 1
