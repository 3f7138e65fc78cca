"""Shares of a node's neighbours in, below and outside its candidates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hpass.inference.arrays import UNKNOWN, Ids
from hpass.inference.candidates import Candidates
from hpass.inference.neighbours import Neighbours
from hpass.inference.scope_tree import ScopeTree


@pytest.fixture
def neighbours(modules: ScopeTree, numbers: Callable[..., Ids]) -> Neighbours:
    """Return the neighbours 1 to 4 of node 0, whose only candidate is `a`; node 0 is nobody's neighbour."""
    return Neighbours.of(
        nodes=np.zeros(4, np.int64),
        neighbours=np.arange(1, 5),
        scope=numbers(modules, ["d", "a", "a.b", "a.c", "d"]),
        probability=np.array([0.5, 1.0, 0.6, 1.0, 0.2]),
        is_known=np.array([False, True, False, True, False]),
        candidates=Candidates(np.array([0]), numbers(modules, ["a"])),
        tree=modules,
    )


def test_known_neighbours_count_one_and_inferred_ones_their_probability(neighbours: Neighbours) -> None:
    shares = {name: float(getattr(neighbours, name)[0]) for name in neighbours._fields if "lca" not in name}

    assert shares == pytest.approx(
        {
            "known_here": 1 / 4,
            "known_below": 1 / 4,
            "known_elsewhere": 0.0,
            "inferred_here": 0.0,
            "inferred_below": 0.6 / 4,
            "inferred_elsewhere": 0.2 / 4,
        }
    )


def test_the_lca_is_that_of_all_neighbours_and_unknown_without_any(neighbours: Neighbours) -> None:
    assert neighbours.lca.tolist() == [0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
