"""Check names of modules. Every name that is read from a file is checked."""

from __future__ import annotations

from functools import lru_cache

MAX_DEPTH = 100
"""The maximum number of atoms of a name, that is of nested modules. Real models have about ten."""


@lru_cache(maxsize=65536)
def scope_problem(scope: str) -> str | None:
    """Return the reason why a text is not a valid fully-qualified name; None if it is valid, as the root's (empty).

    Cached, because a module is named by many nodes.
    """
    if not scope:
        return None
    if scope.count(".") >= MAX_DEPTH:
        return f"it has more than {MAX_DEPTH} parts"
    if "" in scope.split("."):
        return "it has an empty part"
    return None if is_encodable(scope) else "it has half of a surrogate pair, which is not a character"


def is_encodable(text: str) -> bool:
    """Whether a text can be encoded as UTF-8. Strings in JSON and Python may contain halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_scope(scope: str) -> bool:
    """Whether a text is a valid fully-qualified name of a module."""
    return scope_problem(scope) is None
