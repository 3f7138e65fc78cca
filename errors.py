"""The root of everything hpass raises on purpose."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class HpassError(Exception):
    """What a user can mend: one line that says what, where and the fix. The command line exits with 1."""


class UsageError(HpassError):
    """The call itself is wrong (an option, a pass name, a pipeline text). The command line exits with 2."""


# More names than this are no help in one line.
_LISTED = 20


def nearest(name: str, names: Iterable[str]) -> str:
    """Return what to add to an error about an unknown name: the nearest known ones, else all of few."""
    known = list(names)
    near = get_close_matches(name, known, n=3, cutoff=0.4)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= _LISTED else ""
