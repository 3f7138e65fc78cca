"""Helpers for messages: order, names, domains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..graph.decode import as_text


class Names:
    """Names that are taken."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._counts: defaultdict[str, int] = defaultdict(int)

    def unique(self, name: str) -> str:
        """Return a name that is not taken, with a number if it must be, and take it."""
        found = name
        while found in self._taken:
            self._counts[name] += 1
            found = f"{name}_{self._counts[name]}"
        self._taken.add(found)
        return found


def keep_in_order(field: Any, kept: Sequence[Any]) -> None:
    """Bring some messages of a repeated field into an order, and remove all others."""
    order = {id(message): index for index, message in enumerate(kept)}

    def position(message: object) -> int:
        return order.get(id(message), len(order))

    field.sort(key=position)
    del field[len(order) :]


def domain_of(name: str | bytes) -> str:
    """Return the name of a domain; the standard one has two."""
    text = as_text(name)
    return "" if text == "ai.onnx" else text
