"""Forward-backward over gaps: equal to the sum over all paths through the states."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass import ModuleTable
from hpass.inference.arrays import Ids
from hpass.inference.forward_backward import LogPosterior, forward_backward
from hpass.inference.gaps import Gap
from hpass.inference.scope_tree import ScopeTree
from hpass.inference.sorted_lookup import SortedLookup
from hpass.inference.transitions import TransitionCosts

TREE = ScopeTree(["a.0.b", "a.0.c", "a.1.b"], ModuleTable())
COSTS = st.floats(0.1, 4.0)
LOG_EMISSIONS = st.floats(-6.0, 0.0)
MIN_LOG_EMISSION = -7.0
PATHS = tuple(TREE.path_between(start, end)[0] for start in range(len(TREE)) for end in range(len(TREE)))

Emissions = Mapping[tuple[int, int], float]
"""The natural logarithm of the probability of a module for a node, by (node, module)."""


@st.composite
def gaps(draw: st.DrawFn) -> list[Gap]:
    """Gaps of one to four nodes, with one known node between each two."""
    found: list[Gap] = []
    start = 0
    for length in draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)):
        found.append(Gap(start, start + length, tuple(draw(st.sampled_from(PATHS)))))
        start += length + 1
    return found


def by_enumeration(gap: Gap, costs: TransitionCosts, emissions: Emissions) -> dict[tuple[int, int], float]:
    """Return the probability of each module for each node, as a sum over all paths."""
    states, length = gap.states, gap.stop - gap.start
    mass: defaultdict[tuple[int, int], float] = defaultdict(float)
    total = 0.0
    for path in itertools.combinations_with_replacement(range(len(states)), length):
        score = 0.0
        for node, state in enumerate(path):
            score += emissions.get((gap.start + node, states[state]), MIN_LOG_EMISSION)
        for boundary, (before, after) in enumerate(itertools.pairwise([0, *path, len(states) - 1])):
            if after > before:
                descends = TREE.depth[states[before + 1]] > TREE.depth[states[before]]
                score -= (costs.leave_down if descends else costs.leave_up)[gap.start + boundary]
        total += math.exp(score)
        for node, state in enumerate(path):
            mass[gap.start + node, states[state]] += math.exp(score)
    return {key: part / total for key, part in mass.items()}


@given(gaps(), st.data())
def test_the_posterior_is_that_of_a_sum_over_all_paths(gaps: list[Gap], data: st.DataObject) -> None:
    boundaries = gaps[-1].stop + 1
    column = st.lists(COSTS, min_size=boundaries, max_size=boundaries).map(np.array)
    costs = TransitionCosts(data.draw(column), data.draw(column))
    cells = [(node, scope) for gap in gaps for node in range(gap.start, gap.stop) for scope in set(gap.states)]
    emissions = data.draw(st.dictionaries(st.sampled_from(cells), LOG_EMISSIONS))
    nodes, scopes = (np.array([key[part] for key in emissions], np.int64) for part in (0, 1))

    posterior = forward_backward(gaps, costs, TREE, LogPosterior(nodes, scopes, np.array([*emissions.values()], float)))

    expected = {key: share for gap in gaps for key, share in by_enumeration(gap, costs, emissions).items()}
    found = SortedLookup.of(posterior.node * len(TREE) + posterior.scope, posterior.log_probability)
    assert len(posterior.node) == len(expected)
    for (node, scope), share in expected.items():
        assert math.isclose(math.exp(found.get(np.array(node * len(TREE) + scope), -99.0)), share, abs_tol=1e-9)


@pytest.fixture
def posterior(
    modules: ScopeTree, numbers: Callable[..., Ids]
) -> Callable[[Sequence[str], Sequence[float], Mapping[tuple[int, str], float]], list[str]]:
    """Return a function that gives the likeliest module of each node of a gap from node 1 on."""

    def likeliest(
        states: Sequence[str], leave_up: Sequence[float], emissions: Mapping[tuple[int, str], float]
    ) -> list[str]:
        gap = Gap(1, len(leave_up) - 2, tuple(numbers(modules, states).tolist()))
        rows = LogPosterior(
            np.array([node for node, _ in emissions], np.int64),
            numbers(modules, [scope for _, scope in emissions]),
            np.log([*emissions.values()]),
        )
        costs = TransitionCosts(np.array(leave_up), np.zeros(len(leave_up)))
        found: dict[int, dict[str, float]] = defaultdict(dict)
        result = forward_backward([gap], costs, modules, rows)
        for node, scope, log in zip(*(part.tolist() for part in result), strict=True):
            found[node][modules.names[scope]] = math.exp(log)
        assert all(sum(shares.values()) == pytest.approx(1.0) for shares in found.values())
        return [max(found[node], key=lambda scope: found[node][scope]) for node in range(gap.start, gap.stop)]

    return likeliest


def test_a_state_that_was_left_is_not_entered_again(posterior: Callable[..., list[str]]) -> None:
    # Each node alone: first a.c, then a.b, which comes before it.
    emissions = {(1, "a.c"): 0.9, (1, "a.b"): 0.1, (2, "a.b"): 0.6, (2, "a.c"): 0.4}

    assert posterior(["a.b", "a", "a.c"], [0.0] * 5, emissions)[1] == "a.c"


def test_a_state_is_left_where_that_costs_least(posterior: Callable[..., list[str]]) -> None:
    emissions = {(node, scope): 0.5 for node in (1, 2, 3) for scope in ("a.b", "a")}

    assert posterior(["a.b", "a"], [9.0, 9.0, 9.0, 0.0, 9.0, 9.0], emissions) == ["a.b", "a.b", "a"]
