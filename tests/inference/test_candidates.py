"""Anchors around a node, and the candidates that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.analysis.call_order import Call
from hpass.inference.anchors import Anchors
from hpass.inference.arrays import UNKNOWN, Ids
from hpass.inference.call_sequence import CallSequence
from hpass.inference.candidates import Candidates, paths_between_anchors
from hpass.inference.scope_tree import ScopeTree

Numbers = Callable[..., Ids]
REGION_SCOPE = 9


@given(st.lists(st.integers(UNKNOWN, 3), max_size=12))
def test_anchors_are_the_nearest_known_nodes_or_the_ends_of_the_region(known: list[int]) -> None:
    anchors = Anchors.of(np.array(known, np.int64), REGION_SCOPE)

    for node in range(len(known)):
        before = [index for index in range(node + 1) if known[index] >= 0]
        after = [index for index in range(node, len(known)) if known[index] >= 0]
        assert anchors.before[node] == (known[before[-1]] if before else REGION_SCOPE)
        assert anchors.after[node] == (known[after[0]] if after else REGION_SCOPE)
        assert anchors.distance_before[node] == (node - before[-1] if before else node + 1)
        assert anchors.distance_after[node] == (after[0] - node if after else len(known) - node)


def test_candidates_are_on_the_path_between_the_anchors(tree: Callable[..., ScopeTree], numbers: Numbers) -> None:
    modules = tree("a.b.c", "a.d.e", "f")
    anchors = Anchors.of(numbers(modules, ["a.b.c", None, "a.d.e"]), 0)

    _, scopes = paths_between_anchors(np.array([1]), modules, anchors)

    assert {modules.names[scope] for scope in scopes} == {"a.b.c", "a.b", "a", "", "a.d", "a.d.e"}
    assert modules.names[anchors.lca(modules)[1]] == "a"


def test_candidates_are_the_union_of_rows_without_unknown_modules(tree: Callable[..., ScopeTree]) -> None:
    modules = tree("a", "f")
    root = (np.array([0, 1]), np.array([0, 0]))
    others = (np.array([0, 0, 1]), np.array([modules.id("f"), modules.id("f"), UNKNOWN]))

    found = Candidates.of([root, others], modules)

    rows = [(node, modules.names[scope]) for node, scope in zip(found.node.tolist(), found.scope.tolist(), strict=True)]
    assert rows == [(0, ""), (0, "f"), (1, "")]
    assert found.starts.tolist() == [0, 2]
    assert found.node_index.tolist() == [0, 0, 1]
    assert found.rows(found.node, found.scope, modules).tolist() == [0, 1, 2]


def sequence(tree: ScopeTree, scopes: Sequence[str]) -> CallSequence:
    return CallSequence.of(tree, [Call(scope, None, has_parameters=False, is_leaf=True) for scope in scopes])


def test_modules_that_the_table_calls_between_the_anchors_are_candidates(
    tree: Callable[..., ScopeTree], numbers: Numbers
) -> None:
    modules = tree("a", "b", "c")
    calls = sequence(modules, ("a", "b", "c"))

    nodes, scopes = calls.between_anchors(np.array([1]), Anchors.of(numbers(modules, ["a", None, "c"]), 0))

    assert [(node, modules.names[scope]) for node, scope in zip(nodes, scopes, strict=True)] == [(1, "b")]


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(("c", "b", "a"), id="the anchors are not in the table's order"),
        pytest.param(("a", "x"), id="the table does not call the next anchor's module"),
        pytest.param((), id="no table"),
    ],
)
def test_nothing_is_called_between_the_anchors(
    tree: Callable[..., ScopeTree], numbers: Numbers, order: tuple[str, ...]
) -> None:
    modules = tree("a", "b", "c", "x")

    nodes, scopes = sequence(modules, order).between_anchors(
        np.array([1]), Anchors.of(numbers(modules, ["a", None, "c"]), 0)
    )

    assert (nodes.tolist(), scopes.tolist()) == ([], [])
