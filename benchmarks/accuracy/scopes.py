"""Ancestors of modules, by name. The benchmark does not use hpass's own functions, so that it can test them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator


def with_ancestors(scope: str) -> Iterator[str]:
    """Yield a module and its ancestors, innermost first, without the root."""
    while scope:
        yield scope
        scope = scope.rpartition(".")[0]


def common_ancestor(scopes: Iterable[str]) -> str:
    """Return the lowest common ancestor of modules; the root if there are none."""
    shared: list[str] | None = None
    for scope in scopes:
        atoms = scope.split(".") if scope else []
        if shared is None:
            shared = atoms
        while shared != atoms[: len(shared)]:
            shared = shared[:-1]
    return ".".join(shared or [])


def nearest_called(scope: str, called: Container[str]) -> str:
    """Return the nearest called module at or above a scope, because a common ancestor may be an uncalled container."""
    return next((module for module in with_ancestors(scope) if module in called), "")
