"""The order in which the modules of a table are called."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..tags.module_table import ModuleTable
from ..tags.scope import parent


class Call(NamedTuple):
    """A module in the order of calls. `is_leaf` tells that no other module runs inside it."""

    scope: str
    class_name: str | None
    has_parameters: bool
    is_leaf: bool


def order_of_calls(table: ModuleTable, owners: Collection[str]) -> list[Call]:
    """Return the called modules of a table in the order of their first calls; `owners` own parameters in the file.

    A table that recorded no calls gives its own order, which is that of registration (`records_calls`).
    """
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


def records_calls(table: ModuleTable) -> bool:
    """Whether a table tells the order of calls."""
    return any("order" in module.extra for module in table.modules.values())
