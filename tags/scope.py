"""Names of modules: whether they are valid, what is above and below them, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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


def parent(scope: str) -> str:
    """Return the scope one level up; the root is its own parent."""
    return scope.rpartition(".")[0]


def with_ancestors(scope: str) -> Iterator[str]:
    """Yield a scope and those above it, innermost first, without the root."""
    while scope:
        yield scope
        scope = parent(scope)


def is_descendant(scope: str, ancestor: str) -> bool:
    """Whether a scope is `ancestor` itself or below it."""
    return not ancestor or scope == ancestor or scope.startswith(ancestor + ".")


def lca(scopes: Iterable[str]) -> str:
    """Return the lowest common ancestor of scopes; the root if there are none."""
    common: list[str] | None = None
    for scope in scopes:
        atoms = scope.split(".") if scope else []
        if common is None:
            common = atoms
            continue
        length = 0
        for ours, theirs in zip(common, atoms, strict=False):
            if ours != theirs:
                break
            length += 1
        if length == 0:
            return ""
        common = common[:length]
    return ".".join(common or [])


def relative(scope: str, ancestor: str) -> str:
    """Return a scope relative to an ancestor: `b.c` for `a.b.c` and `a`."""
    return scope[len(ancestor) + 1 :] if ancestor else scope


def depth(scope: str) -> int:
    """Return the number of atoms of a scope; 0 for the root."""
    return scope.count(".") + 1 if scope else 0


def natural_sort_key(scope: str) -> list[tuple[str | int, ...]]:
    """Return a sort key that orders numbers by value: `layer.2` before `layer.10`, and `block2` before `block10`."""
    return [_atom_sort_key(atom) for atom in scope.split(".")] if scope else []


@lru_cache(maxsize=4096)
def _atom_sort_key(atom: str) -> tuple[str | int, ...]:
    """Return the texts and numbers of an atom alternately. The first item is a text, which may be empty."""
    return tuple(int(part) if index % 2 else part for index, part in enumerate(_NUMBER.split(atom)))


# Python rejects numbers with thousands of digits, so a number of more than 18 digits is read as several.
_NUMBER = re.compile(r"(\d{1,18})")
