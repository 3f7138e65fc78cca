"""The order in which the modules of a table are called."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..tags.module_table import ModuleTable, parent


class Call(NamedTuple):
    """A module in the order of calls. `is_leaf` tells that no other module runs inside it."""

    scope: str
    class_name: str | None
    has_parameters: bool
    is_leaf: bool


# A table without recorded calls lists modules as they were registered. At least this share of the modules that nodes
# name must come in the same order as in the file, or the table says nothing of the order of calls. Not tuned: where
# registration is the order of calls, the share is 1 but for modules that are called again.
_MIN_IN_ORDER = 0.9


def order_of_calls(table: ModuleTable, owners: Collection[str]) -> list[Call]:
    """Return the called modules of a table in the order of their first calls; `owners` own parameters in the file."""
    called = [scope for scope in table if table.is_called(scope)]
    places = {scope: index for index, scope in enumerate(called)}
    called.sort(key=lambda scope: (table[scope].extra.get("order", places[scope]), places[scope]))
    named = set(owners)
    holders = {table.nearest_called(parent(scope)) for scope in called if scope}
    return [
        Call(
            scope,
            table[scope].bare_class,
            has_parameters=scope in named or bool(table[scope].parameters),
            is_leaf=scope not in holders,
        )
        for scope in called
    ]


def fits_call_order(table: ModuleTable, calls: Iterable[Call], scopes: Iterable[str | None]) -> bool:
    """Whether the order of a table's modules can be the order of calls.

    It is if the table recorded calls. If it did not, the modules of nodes in the order of the file (`scopes`, None if
    unknown) decide: most of them must form an increasing sequence in the table.
    """
    if any("order" in table[scope].extra for scope in table):
        return True
    position = {call.scope: index for index, call in enumerate(calls)}
    seen = [position[scope] for scope in dict.fromkeys(scopes) if scope is not None and scope in position]
    return _longest_increasing(seen) >= _MIN_IN_ORDER * len(seen)


def _longest_increasing(numbers: Iterable[int]) -> int:
    """Return the length of the longest strictly increasing subsequence (patience sorting)."""
    tails: list[int] = []
    for number in numbers:
        at = bisect_left(tails, number)
        tails[at : at + 1] = [number]
    return len(tails)
