"""The module table of one run: what was declared, in the file's own names, and what evidence and tags add to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .module_table import ModuleTable


class TableInUse:
    """The modules that this run knows.

    `declared` is the table that the user handed in, else the one in the file, else the reference's; None if there is
    none. `modules` is the table in use: the declared one once `use_declared` was called, and every module that evidence
    shows running or a tag names. `came_aligned` says that the declared table came in the file's own names.
    """

    def __init__(self, declared: ModuleTable | None = None, *, came_aligned: bool = False) -> None:
        self.declared = declared
        self.modules = ModuleTable()
        self.came_aligned = came_aligned
        self._is_declared_in_use = declared is None

    def use_declared(self, parameter_owners: Callable[[], Iterable[str]]) -> None:
        """Add the declared table to the one in use, aligned with the names in the file; only the first call does.

        Those are the modules known so far and the result of `parameter_owners`, the modules whose parameters the file
        names.
        """
        if self.declared is None or self._is_declared_in_use:
            return
        if not self.came_aligned:
            self.declared = self.declared.aligned({*parameter_owners(), *self.modules})
        self.modules.merge(self.declared)
        self._is_declared_in_use = True

    def add(self, *scopes: str) -> None:
        """Add modules that a tag names, unless they are there."""
        for scope in scopes:
            if scope not in self.modules:
                self.modules.add(scope)
