"""The modules of a module table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .scope import parent


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the table.

    `class_name` is bare or qualified, or None if it is unknown. `called` is False for a container that never runs
    itself, and None if that is unknown. `aliases` are further names of the same module. `extra` has all other keys of
    the module's JSON object.
    """

    class_name: str | None = None
    called: bool | None = None
    aliases: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def bare_class(self) -> str | None:
        """The class name without its package."""
        return None if self.class_name is None else self.class_name.rpartition(".")[2]

    @property
    def parameters(self) -> Sequence[str]:
        """The names of its own parameters and buffers, if the table has them."""
        return self.extra.get("parameters", ())


def merge_modules(known: Module, other: Module) -> Module:
    """Return what two tables say of one module; the first decides if both say something."""
    return Module(
        other.class_name if known.class_name is None else known.class_name,
        other.called if known.called is None else known.called,
        known.aliases or other.aliases,
        {**other.extra, **known.extra},
    )


def is_called(modules: Mapping[str, Module], scope: str) -> bool:
    """Whether a module is a level in tags: it is in the table, and it is not a container that never runs."""
    module = modules.get(scope)
    return module is not None and module.called is not False


def nearest_called(modules: Mapping[str, Module], scope: str) -> str:
    """Return the nearest called module at or above a scope; the root if there is none."""
    while scope and not is_called(modules, scope):
        scope = parent(scope)
    return scope
