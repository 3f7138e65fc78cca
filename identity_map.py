"""A mapping with keys compared by identity. graphsurgeon's nodes and graphs are unhashable and compare by structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class IdentityMap(Generic[Key, Value]):
    """A mapping whose keys are compared by identity. It holds references to its keys."""

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        # In the order of `_values`. A dictionary of id to key would need several times the memory.
        self._keys: list[Key] = []
        self._values: dict[int, Value] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        identity = id(key)
        if identity not in self._values:
            self._keys.append(key)
        self._values[identity] = value

    def __getitem__(self, key: Key) -> Value:
        return self._values[id(key)]

    def __contains__(self, key: object) -> bool:
        return id(key) in self._values

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def get(self, key: Key) -> Value | None:
        """Return the value of this object, or None."""
        return self._values.get(id(key))

    def setdefault(self, key: Key, value: Value) -> Value:
        """Return the value of this object, which becomes `value` if it has none."""
        found = self._values.setdefault(id(key), value)
        if len(self._values) > len(self._keys):
            self._keys.append(key)
        return found

    def values_of(self, keys: Iterable[Key]) -> Iterator[Value | None]:
        """Yield the value of each object, or None, several times faster than `get` does one by one."""
        return map(self._values.get, map(id, keys))

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Yield the keys with their values, in the order in which the keys were first set."""
        return zip(self._keys, self._values.values(), strict=True)

    def clear(self) -> None:
        """Remove all keys."""
        self._keys.clear()
        self._values.clear()

    def keep(self, predicate: Callable[[Key], bool]) -> None:
        """Remove all keys for which `predicate` returns False."""
        self._keys = [key for key in self._keys if predicate(key)]
        self._values = {id(key): self._values[id(key)] for key in self._keys}
