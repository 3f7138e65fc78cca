"""The modules that patterns select: each pattern adds or takes away modules, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ..errors import UsageError, nearest
from ..tags.module_table import ModuleTable
from ..tags.scope import natural_sort_key, parent
from .pattern import Pattern

# The maximum number of names that a pattern without a match is compared with, which takes 0.6 s.
_MAX_COMPARED_NAMES = 20_000


def all_modules(table: ModuleTable, scopes: Iterable[str]) -> list[str]:
    """Return the modules of a table, the given ones and all their ancestors, in natural order, the root first."""
    found = {""}
    for scope in (*table, *scopes):
        while scope not in found:
            found.add(scope)
            scope = parent(scope)  # noqa: PLW2901 - up to the first ancestor that is known
    return sorted(found, key=natural_sort_key)


def select_modules(patterns: Sequence[Pattern], modules: Sequence[str], table: ModuleTable) -> list[str]:
    """Return the modules that the patterns select, in the given order, in which ancestors come first.

    The last pattern that matches a module decides. If the first one takes away, it takes from all modules.

    Raises UsageError, with the nearest modules, if a pattern matches none.
    """
    selected = set(modules) if patterns and patterns[0].takes_away else set[str]()
    for pattern in patterns:
        found = pattern.matching(modules, table)
        if not found:
            raise UsageError(f"no module matches '{pattern.added}'{_nearest(pattern, modules, table)}")
        if not pattern.alone:
            found = _with_descendants(found, modules)
        selected = selected - found if pattern.takes_away else selected | found
    return [scope for scope in modules if scope in selected]


def _with_descendants(found: set[str], modules: Iterable[str]) -> set[str]:
    covered: set[str] = set()
    for scope in modules:
        if scope in found or (scope and parent(scope) in covered):
            covered.add(scope)
    return covered


def nearest_modules(name: str, modules: Iterable[str]) -> str:
    """Return a suffix for an error about an unknown module: similar ones, all if they are few, or how to learn them."""
    known = list(islice(filter(None, modules), _MAX_COMPARED_NAMES))
    if not known:
        return "; only the root is known; --model, --modules or --reference tells of more modules"
    return nearest(name, known) or "; `hpass tree` lists the modules"


def _nearest(pattern: Pattern, modules: Iterable[str], table: ModuleTable) -> str:
    if pattern.class_glob is None:
        return nearest_modules(str(pattern.path), modules)
    classes = {module.bare_class for module in table.modules.values() if module.bare_class is not None}
    if not classes:
        return "; no class is known, which --modules or --model gives"
    if any(map(pattern.class_glob.matches, classes)):
        return f"; there are modules of class '{pattern.class_glob}' elsewhere"
    return nearest(f":{pattern.class_glob}", islice((f":{name}" for name in sorted(classes)), _MAX_COMPARED_NAMES))
