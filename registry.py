"""Passes by name: the standard passes and those that installed packages register as entry points."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeGuard

from .errors import UsageError
from .passes import REWRITING_PASSES, STANDARD_PASSES
from .passes.base import Pass

ENTRY_POINT_GROUP = "hpass.passes"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class PassRegistry(Mapping[str, type[Pass]]):
    """All passes by name; the standard passes come first, in pipeline order, then those that rewrite.

    A package is imported only if one of its passes is looked up, so a broken package affects no other pass. The look-up
    raises KeyError if the name is unknown, and UsageError, naming the package, if the entry point cannot be loaded, is
    not a pass, or has another name than the pass. Names of these passes cannot be registered again.
    """

    def __init__(self) -> None:
        self._standard: dict[str, type[Pass]] = {step.name: step for step in (*STANDARD_PASSES, *REWRITING_PASSES)}

    def __getitem__(self, name: str) -> type[Pass]:
        if name in self._standard:
            return self._standard[name]
        entries = self._installed[name]
        if len(entries) > 1:
            raise UsageError(f"pass '{name}' is registered by {' and '.join(map(_package, entries))}; uninstall one")
        return _load(entries[0])

    def __contains__(self, name: object) -> bool:
        return name in self._standard or name in self._installed

    def __iter__(self) -> Iterator[str]:
        return iter({**self._standard, **self._installed})

    def __len__(self) -> int:
        return len({**self._standard, **self._installed})

    @cached_property
    def _installed(self) -> dict[str, list[EntryPoint]]:
        # Read on demand, because the search of the installed packages takes a while.
        entries: defaultdict[str, list[EntryPoint]] = defaultdict(list)
        for entry in entry_points(group=ENTRY_POINT_GROUP):
            entries[entry.name].append(entry)
        return dict(entries)


def _is_pass(found: object) -> TypeGuard[type[Pass]]:
    return isinstance(found, type) and issubclass(found, Pass)


def _load(entry: EntryPoint) -> type[Pass]:
    """Import the class of an entry point. Raises UsageError, naming the package, if it is not a valid pass."""
    subject = f"{_package(entry)}: entry point '{entry.name}' ({entry.value})"
    try:
        found: Any = entry.load()
        if _is_pass(found):
            # Both may raise: a class may have no name, and its annotations may be invalid.
            _ = found.name, found.options()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise UsageError(f"{subject} cannot be loaded ({reason}); update or uninstall the package") from error
    if not _is_pass(found):
        raise UsageError(f"{subject} is not a subclass of hpass.Pass")
    if not _NAME.fullmatch(entry.name) or found.name != entry.name:
        raise UsageError(f"{subject} loads a pass named '{found.name}'; both names must be the same, in kebab-case")
    return found


def _package(entry: EntryPoint) -> str:
    return f"package '{entry.module.partition('.')[0] if entry.dist is None else entry.dist.name}'"
