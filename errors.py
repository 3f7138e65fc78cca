"""The exceptions that hpass raises for invalid input, and suggestions for unknown names."""

from __future__ import annotations

from difflib import get_close_matches
from reprlib import Repr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class HpassError(Exception):
    """Invalid input. The message is one line that says what is wrong, where, and the fix. The exit code is 1."""


class UsageError(HpassError):
    """A wrong call: an option, a pass name or a pipeline text. The exit code is 2."""


# The maximum number of names in one line.
_MAX_LISTED = 20
_SHORT = Repr()
_SHORT.maxstring = 100


def quoted(text: str) -> str:
    """Return a text in quotes, escaped, and shortened in the middle if it is longer than 100 characters."""
    return _SHORT.repr(text)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a suffix for an error about an unknown name: similar names, else all names if there are at most 20."""
    known = list(names)
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= _MAX_LISTED else ""
