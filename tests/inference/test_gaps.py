"""Gaps and their states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpass.analysis.call_order import Call
from hpass.inference.arrays import UNKNOWN, Ids
from hpass.inference.call_sequence import CallSequence
from hpass.inference.gaps import find_gaps
from hpass.inference.scope_tree import ScopeTree

Numbers = Callable[..., Ids]
Names = Callable[..., list[str | None]]


def test_states_are_the_path_between_known_modules_with_detours_to_block_analogues(
    modules: ScopeTree, numbers: Numbers, names: Names
) -> None:
    known = numbers(modules, ["a.b", None, None, "d"])
    analogue = numbers(modules, [None, "a.c", None, None])

    gaps = find_gaps(known, region_scope=0, tree=modules, calls=CallSequence.of(modules, []), block_analogue=analogue)

    assert [(gap.start, gap.stop, names(modules, gap.states)) for gap in gaps] == [
        (1, 3, ["a.b", "a", "a.c", "a", "", "d"])
    ]


def test_the_path_goes_through_the_modules_that_the_table_calls_in_between(
    modules: ScopeTree, numbers: Numbers, names: Names
) -> None:
    calls = [Call(scope, None, has_parameters=False, is_leaf=scope != "a") for scope in ("a", "a.b", "a.c", "d")]

    (gap,) = find_gaps(
        numbers(modules, ["a.b", None, "d"]),
        region_scope=0,
        tree=modules,
        calls=CallSequence.of(modules, calls),
        block_analogue=np.full(3, UNKNOWN),
    )

    assert names(modules, gap.states) == ["a.b", "a", "a.c", "a", "", "d"]
