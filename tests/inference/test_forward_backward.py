"""The course through gaps: equal to the sum over every course there is."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpass import ModuleTable
from hpass.inference.forward_backward import LogPosterior, forward_backward
from hpass.inference.gaps import Gap
from hpass.inference.scope_tree import ScopeTree
from hpass.inference.sorted_lookup import SortedLookup
from hpass.inference.transitions import TransitionCosts

TREE = ScopeTree(["a.0.b", "a.0.c", "a.1.b"], ModuleTable())
TOLLS = st.floats(0.1, 4.0)
LOGS = st.floats(-6.0, 0.0)
NOTHING_THOUGHT = -7.0
WAYS = tuple(TREE.path_between(first, last)[0] for first in range(len(TREE)) for last in range(len(TREE)))


@st.composite
def gaps(draw: st.DrawFn) -> list[Gap]:
    """Gaps of one to four nodes, a known node between each two."""
    found: list[Gap] = []
    first = 0
    for length in draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)):
        found.append(Gap(first, first + length, tuple(draw(st.sampled_from(WAYS)))))
        first += length + 1
    return found


def every_course(
    gap: Gap, tolls: TransitionCosts, thought: dict[tuple[int, int], float]
) -> dict[tuple[int, int], float]:
    """Return how likely each module is for each node, by going through all courses one by one."""
    stations, length = gap.states, gap.stop - gap.start
    found: defaultdict[tuple[int, int], float] = defaultdict(float)
    total = 0.0
    for places in itertools.combinations_with_replacement(range(len(stations)), length):
        score = 0.0
        for node, place in enumerate(places):
            score += thought.get((gap.start + node, stations[place]), NOTHING_THOUGHT)
        for boundary, (before, after) in enumerate(itertools.pairwise([0, *places, len(stations) - 1])):
            if after > before:
                descends = TREE.depth[stations[before + 1]] > TREE.depth[stations[before]]
                score -= (tolls.leave_down if descends else tolls.leave_up)[gap.start + boundary]
        total += math.exp(score)
        for node, place in enumerate(places):
            found[gap.start + node, stations[place]] += math.exp(score)
    return {key: share / total for key, share in found.items()}


@given(gaps(), st.data())
def test_courses_are_those_of_a_sum_over_every_course(gaps: list[Gap], data: st.DataObject) -> None:
    end = gaps[-1].stop + 1
    column = st.lists(TOLLS, min_size=end, max_size=end).map(np.array)
    tolls = TransitionCosts(data.draw(column), data.draw(column))
    places = [(node, scope) for gap in gaps for node in range(gap.start, gap.stop) for scope in set(gap.states)]
    thought = data.draw(st.dictionaries(st.sampled_from(places), LOGS))
    nodes, scopes = (np.array([key[part] for key in thought], np.int64) for part in (0, 1))

    course = forward_backward(gaps, tolls, TREE, LogPosterior(nodes, scopes, np.array([*thought.values()], float)))

    expected = {key: share for gap in gaps for key, share in every_course(gap, tolls, thought).items()}
    found = SortedLookup.of(course.node * len(TREE) + course.scope, course.log_probability)
    assert len(course.node) == len(expected)
    for (node, scope), share in expected.items():
        assert math.isclose(math.exp(found.get(np.array(node * len(TREE) + scope), -99.0)), share, abs_tol=1e-9)


@given(st.dictionaries(st.integers(0, 50), st.floats(-1, 1)), st.lists(st.integers(0, 50)))
def test_values_are_found_whatever_the_order_of_their_keys(values: dict[int, float], wanted: list[int]) -> None:
    lookup = SortedLookup.of(np.array([*values], np.int64), np.array([*values.values()], float))

    assert lookup.get(np.array(wanted, np.int64), 2.0).tolist() == [values.get(key, 2.0) for key in wanted]
