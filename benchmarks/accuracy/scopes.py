"""How modules lie to one another, by their names."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator


def with_ancestors(scope: str) -> Iterator[str]:
    """Yield a module and those that hold it, from the inside out and without the root."""
    while scope:
        yield scope
        scope = scope.rpartition(".")[0]


def common_ancestor(scopes: Iterable[str]) -> str:
    """Return the deepest module that holds all of these."""
    shared: list[str] | None = None
    for scope in scopes:
        atoms = scope.split(".") if scope else []
        if shared is None:
            shared = atoms
        while shared != atoms[: len(shared)]:
            shared = shared[:-1]
    return ".".join(shared or [])


def nearest_called(scope: str, called: Container[str]) -> str:
    """Return the module itself or the nearest above it that runs: a common ancestor may be a mere container."""
    return next((module for module in with_ancestors(scope) if module in called), "")
