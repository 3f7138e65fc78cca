"""What can be the name of a module: every name that is read from a file has to pass."""

from __future__ import annotations

MAX_DEPTH = 100
"""The number of modules, one inside the other, that a name may lead through. Real models have about ten."""


def scope_problem(scope: str) -> str | None:
    """Return why a text cannot be the fully-qualified name of a module; None if it can. The root has the empty name."""
    if not scope:
        return None
    if scope.count(".") >= MAX_DEPTH:
        return f"it leads through more than {MAX_DEPTH} modules"
    if "" in scope.split("."):
        return "it has an empty part"
    return None if is_encodable(scope) else "it has half of a surrogate pair, which is no character"


def is_encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8. JSON and Python literals may contain halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_scope(scope: str) -> bool:
    """Whether a text can be the fully-qualified name of a module."""
    return scope_problem(scope) is None
