"""The tree of modules answers as the names themselves would."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass import ModuleTable
from hpass.analysis.call_order import Call
from hpass.inference.anchors import Anchors
from hpass.inference.arrays import UNKNOWN
from hpass.inference.call_sequence import CallSequence
from hpass.inference.candidates import Candidates, paths_between_anchors
from hpass.inference.scope_tree import ScopeTree
from hpass.tags.module_table import depth, is_descendant, lca, parent

SCOPE = st.lists(st.sampled_from(["a", "b", "0", "1"]), max_size=5).map(".".join)
SCOPES = st.lists(SCOPE, min_size=1, max_size=12)


def numbers(tree: ScopeTree, scopes: list[str]) -> np.ndarray:
    return np.array([tree.id(scope) for scope in scopes], np.int64)


@given(SCOPES)
def test_every_module_lies_below_its_parent(scopes: list[str]) -> None:
    tree = ScopeTree(scopes, ModuleTable())

    assert set(scopes) | {""} <= set(tree.names)
    assert [tree.names[number] for number in tree.parent] == [parent(name) for name in tree.names]
    assert tree.depth.tolist() == [depth(name) for name in tree.names]
    assert tree.has_children.tolist() == [
        any(other and parent(other) == name for other in tree.names) for name in tree.names
    ]


@given(SCOPES, st.data())
def test_two_modules_meet_where_their_names_do(scopes: list[str], data: st.DataObject) -> None:
    tree = ScopeTree(scopes, ModuleTable())
    ours, theirs = (data.draw(st.lists(st.sampled_from(tree.names), min_size=3, max_size=3)) for _ in range(2))

    found = tree.lca(numbers(tree, ours), numbers(tree, theirs))

    pairs = list(zip(ours, theirs, strict=True))
    assert [tree.names[number] for number in found] == [lca(pair) for pair in pairs]
    assert tree.is_descendant(numbers(tree, ours), numbers(tree, theirs)).tolist() == [
        is_descendant(one, two) for one, two in pairs
    ]


@given(SCOPES, st.data())
def test_any_number_of_modules_meet_where_their_names_do(scopes: list[str], data: st.DataObject) -> None:
    tree = ScopeTree(scopes, ModuleTable())
    rows = data.draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(tree.names)), max_size=10))
    owners = np.array([owner for owner, _ in rows], np.int64)

    found = tree.segment_lca(owners, numbers(tree, [scope for _, scope in rows]), 4)

    for owner, number in enumerate(found.tolist()):
        theirs = [scope for one, scope in rows if one == owner]
        assert (None if number == UNKNOWN else tree.names[number]) == (lca(theirs) if theirs else None)


@given(SCOPES)
def test_the_way_up_ends_at_the_root(scopes: list[str]) -> None:
    tree = ScopeTree(scopes, ModuleTable())

    for number, name in enumerate(tree.names):
        way = [tree.names[step] for step in tree.path_to_root(number)]
        assert way[0] == name
        assert way[-1] == ""
        assert way[1:] == [parent(step) for step in way[:-1]]


def test_containers_that_never_run_are_no_level() -> None:
    table = ModuleTable.from_json({"": "M", "layers": {"called": False}, "layers.0": "L"}, "the test")

    tree = ScopeTree(["layers.0"], table)

    assert tree.names == ["", "layers.0"]
    assert tree.parent.tolist() == [0, 0]


def test_modules_alike_up_to_digits_are_of_one_kind(tree: Callable[..., ScopeTree]) -> None:
    found = tree("layer.0.fc", "layer.11.fc", "layer.0.act")

    kinds = {name: found.digit_pattern_id[number] for number, name in enumerate(found.names)}
    assert kinds["layer.0.fc"] == kinds["layer.11.fc"] != kinds["layer.0.act"]
    assert kinds["layer.0"] == kinds["layer.11"]


def test_a_module_without_modules_below_counts_as_its_parent(tree: Callable[..., ScopeTree]) -> None:
    found = tree("a.b")

    lifted = {name: found.names[found.self_or_parent_of_leaf[number]] for number, name in enumerate(found.names)}
    assert lifted == {"": "", "a": "a", "a.b": "a"}


def test_thousands_of_levels_do_not_overflow() -> None:
    levels = 3_000

    tree = ScopeTree([".".join("m" * levels)], ModuleTable())

    assert tree.depth.max() == levels
    assert len(tree.path_to_root(int(tree.depth.argmax()))) == levels + 1


KNOWN = st.lists(st.integers(-1, 3), max_size=12)


@given(KNOWN)
def test_a_gap_lies_between_the_nearest_known_nodes(known: list[int]) -> None:
    gaps = Anchors.of(np.array(known, np.int64), 9)

    for node in range(len(known)):
        before = [index for index in range(node + 1) if known[index] >= 0]
        after = [index for index in range(node, len(known)) if known[index] >= 0]
        assert gaps.before[node] == (known[before[-1]] if before else 9)
        assert gaps.after[node] == (known[after[0]] if after else 9)
        assert gaps.distance_before[node] == (node - before[-1] if before else node + 1)
        assert gaps.distance_after[node] == (after[0] - node if after else len(known) - node)


def test_candidates_lie_on_the_way_between_two_known_nodes(tree: Callable[..., ScopeTree]) -> None:
    modules = tree("a.b.c", "a.d.e", "f")
    known = numbers(modules, ["a.b.c", "a.b.c", "a.d.e"])
    known[1] = UNKNOWN
    gaps = Anchors.of(known, 0)

    _, scopes = paths_between_anchors(np.array([1]), modules, gaps)

    assert {modules.names[scope] for scope in scopes} == {"a.b.c", "a.b", "a", "", "a.d", "a.d.e"}
    assert modules.names[gaps.lca(modules)[1]] == "a"


def test_candidates_of_several_rows_join_once_and_unknown_ones_not_at_all(tree: Callable[..., ScopeTree]) -> None:
    modules = tree("a", "f")
    root = (np.array([0, 1]), np.array([0, 0]))
    more = (np.array([0, 0, 1]), np.array([modules.id("f"), modules.id("f"), UNKNOWN]))

    found = Candidates.of([root, more], modules)

    rows = [(node, modules.names[scope]) for node, scope in zip(found.node.tolist(), found.scope.tolist(), strict=True)]
    assert rows == [(0, ""), (0, "f"), (1, "")]
    assert found.starts.tolist() == [0, 2]


def test_modules_called_between_two_known_ones_are_candidates(tree: Callable[..., ScopeTree]) -> None:
    modules = tree("a", "b", "c")
    calls = CallSequence.of(
        modules, [Call(scope, None, has_parameters=False, is_leaf=True) for scope in ("a", "b", "c")]
    )
    known = numbers(modules, ["a", "a", "c"])
    known[1] = UNKNOWN

    nodes, scopes = calls.between_anchors(np.array([1]), Anchors.of(known, 0))

    assert [(node, modules.names[scope]) for node, scope in zip(nodes, scopes, strict=True)] == [(1, "b")]


@pytest.mark.parametrize("order", [("c", "b", "a"), ("a", "x", "x")])
def test_modules_that_are_not_called_in_between_are_none(
    tree: Callable[..., ScopeTree], order: tuple[str, ...]
) -> None:
    modules = tree("a", "b", "c", "x")
    calls = CallSequence.of(
        modules, [Call(scope, None, has_parameters=False, is_leaf=True) for scope in dict.fromkeys(order)]
    )
    known = numbers(modules, ["a", "a", "c"])
    known[1] = UNKNOWN

    nodes, _ = calls.between_anchors(np.array([1]), Anchors.of(known, 0))

    assert nodes.tolist() == []
