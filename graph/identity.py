"""A mapping by identity: graphsurgeon's nodes and graphs are unhashable and compare by structure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class IdentityMap(Generic[Key, Value]):
    """A mapping whose keys are equal only to themselves. It keeps its keys alive."""

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._values: dict[int, Value] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        self._keys[id(key)] = key
        self._values[id(key)] = value

    def __getitem__(self, key: Key) -> Value:
        return self._values[id(key)]

    def __delitem__(self, key: Key) -> None:
        del self._keys[id(key)], self._values[id(key)]

    def __contains__(self, key: object) -> bool:
        return id(key) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def get(self, key: Key) -> Value | None:
        """Return the value kept for this very object, or None."""
        return self._values.get(id(key))

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Yield keys with their values, in the order they were first set."""
        return zip(self._keys.values(), self._values.values(), strict=True)
