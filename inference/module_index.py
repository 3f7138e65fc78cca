"""The modules of a model as inference needs them: made once for all regions that need the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from ..analysis.call_order import fits_call_order, order_of_calls
from ..tags.table_in_use import TableInUse
from .arrays import Flags
from .call_alignment import CallIndex
from .call_sequence import CallSequence
from .scope_tree import ScopeTree


@dataclass(frozen=True, eq=False)
class ModuleIndex:
    """Modules, numbered as in `tree`; the calls of the module table; and which modules own parameters.

    `has_parameters` is bool and has the shape (modules,).
    """

    tree: ScopeTree
    calls: CallSequence
    has_parameters: Flags


class ModuleIndexes:
    """The module index for each region of a model.

    `table` is the table in use, which may grow from region to region; `parameter_owners` are the modules whose
    parameters the file names; `scopes` are the modules of the main graph's nodes in the order of the file, None if
    unknown. `calls` are those of the declared table; there are none without one, or if the file has its modules in
    another order.
    """

    def __init__(self, table: TableInUse, parameter_owners: Collection[str], scopes: Iterable[str | None] = ()) -> None:
        self.modules = table.modules
        self.has_table = table.declared is not None
        calls = [] if table.declared is None else order_of_calls(table.declared, parameter_owners)
        if table.declared is not None and not fits_call_order(table.declared, calls, scopes):
            calls = []
        self.calls = CallIndex(calls)
        self._parameter_owners = parameter_owners
        self._revision = -1
        self._called: ModuleIndex | None = None

    def containing(self, scopes: Collection[str]) -> ModuleIndex:
        """Return an index of all called modules and of `scopes`."""
        if self._called is None or self._revision != self.modules.revision:
            self._called, self._revision = self._index(()), self.modules.revision
        missing = [scope for scope in scopes if self._called.tree.id(scope) is None]
        return self._index(missing) if missing else self._called

    def _index(self, scopes: Iterable[str]) -> ModuleIndex:
        called = [scope for scope in self.modules if self.modules.is_called(scope)]
        tree = ScopeTree([*called, *scopes], self.modules)
        has_parameters = np.zeros(len(tree), np.bool_)
        has_parameters[[number for number in map(tree.id, self._parameter_owners) if number is not None]] = True
        return ModuleIndex(tree, CallSequence.of(tree, self.calls.calls), has_parameters)
