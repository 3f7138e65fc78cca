"""The labels that TorchScript writes: their suffixes, and names of modules from them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .parameter_names import label

Labels = tuple[str, ...]


_NUMBER = re.compile(r"\d+")


# No model has so many scopes of one label that their number takes more digits.
_NUMBERED = re.compile(r"(.+)_(\d{1,9})")


class NumberedLabel(NamedTuple):
    """A label without its suffix, and the suffix, which counts the scopes with this label (`norm_1`: `norm`, 1)."""

    label: str
    number: int
    text: str


@lru_cache(maxsize=65536)
def split_number(name: str) -> NumberedLabel | None:
    """Return a label without its suffix, and the suffix; None if it has none."""
    found = _NUMBERED.fullmatch(name)
    return None if found is None else NumberedLabel(found[1], int(found[2]), name)


def without_number(labels: Labels) -> Labels | None:
    """Return labels with the last one's suffix removed; None if it has none."""
    numbered = split_number(labels[-1]) if labels else None
    return None if numbered is None else (*labels[:-1], numbered.label)


def is_numbered(name: str, base: str) -> bool:
    """Whether a name is `base` followed by numbers (`layer.0.1` and `layer`)."""
    return name.startswith(base + ".") and name[len(base) + 1 :].replace(".", "").isnumeric()


def is_repeat(name: str, base: str) -> bool:
    """Whether a label is another one, or that one with something after an underscore."""
    return name == base or name.startswith(f"{base}_")


@lru_cache(maxsize=65536)
def digit_pattern(scope: str) -> str:
    """Return a name with its numbers replaced by `*`, which is equal for repeated blocks."""
    return _NUMBER.sub("*", scope)


def join_scope(ancestor: str, name: str) -> str:
    """Return the module's name that follows from its parent and its label alone."""
    ancestor_label = label(ancestor) if ancestor else ""
    if ancestor_label and is_numbered(name, ancestor_label):
        return ancestor + name[len(ancestor_label) :]
    return f"{ancestor}.{name}" if ancestor else name
