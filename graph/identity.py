"""A mapping by identity: graphsurgeon's nodes and graphs are unhashable and compare by structure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class IdentityMap(Generic[Key, Value]):
    """A mapping whose keys are equal only to themselves. It keeps its keys alive."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[int, tuple[Key, Value]] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        self._items[id(key)] = (key, value)

    def __getitem__(self, key: Key) -> Value:
        return self._items[id(key)][1]

    def __delitem__(self, key: Key) -> None:
        del self._items[id(key)]

    def __contains__(self, key: object) -> bool:
        return id(key) in self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Key]:
        return (key for key, _ in self._items.values())

    def get(self, key: Key) -> Value | None:
        """Return the value kept for this very object, or None."""
        item = self._items.get(id(key))
        return None if item is None else item[1]

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Yield keys with their values, in the order they were first set."""
        return iter(self._items.values())
