"""The module table of one run: the declared table, and the modules that evidence and tags add."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .module_table import ModuleTable


class TableInUse:
    """The modules that a run knows.

    `declared` is the user's table, or else the one in the file, or else the reference's; None if there is none.
    `modules` is the table in use. It contains the declared table after `use_declared`, and every module that evidence
    or a tag names. `came_aligned` says that the declared table already has the names of the file.
    """

    def __init__(self, declared: ModuleTable | None = None, *, came_aligned: bool = False) -> None:
        self.declared = declared
        self.modules = ModuleTable()
        self.came_aligned = came_aligned
        self._is_declared_in_use = declared is None

    def use_declared(self, parameter_owners: Callable[[], Iterable[str]]) -> None:
        """Add the declared table, aligned with the names in the file, to the table in use. Further calls do nothing.

        The names in the file are those of the modules in use and of `parameter_owners`, the owners of parameters.
        """
        if self.declared is None or self._is_declared_in_use:
            return
        if not self.came_aligned:
            self.declared = self.declared.aligned({*parameter_owners(), *self.modules})
        self.modules.merge(self.declared)
        self._is_declared_in_use = True

    def add(self, scope: str) -> None:
        """Add a module that a tag names, unless the table has it."""
        if scope not in self.modules.modules:
            self.modules.add(scope)
