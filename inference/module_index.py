"""The modules of a model as inference needs them: made once for all regions that need the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx_graphsurgeon as gs

from ..analysis.call_order import Call, order_of_calls, records_calls
from ..tags.module_table import ModuleTable
from ..tags.table_in_use import TableInUse
from .arrays import Flags, as_ints
from .call_alignment import CallIndex
from .call_sequence import CallSequence
from .class_statistics import OTHER_CLASS, class_statistics
from .dataflow import Dataflow
from .node_order import node_order
from .registration_order import in_order_of_nodes
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
    parameters the file names; `nodes` are those of the main graph in the order of the file, and `scopes` their modules,
    None if unknown. The calls are those of the declared table; there are none without one.
    """

    def __init__(
        self,
        table: TableInUse,
        parameter_owners: Collection[str],
        nodes: Sequence[gs.Node] = (),
        scopes: Sequence[str | None] = (),
    ) -> None:
        self.modules = table.modules
        self.has_table = table.declared is not None
        self._declared, self._nodes, self._scopes = table.declared, nodes, scopes
        self._parameter_owners = parameter_owners
        self._revision = -1
        self._called: ModuleIndex | None = None

    @cached_property
    def calls(self) -> CallIndex:
        """The calls. They take long to find, and only a region with an unknown node needs them."""
        table = self._declared
        return CallIndex([] if table is None else _calls(table, self._parameter_owners, self._nodes, self._scopes))

    def without_table(self, scopes: Iterable[str]) -> ModuleIndexes:
        """Return the indexes of some modules, and of the called ones above them, as if nothing else were known."""
        table = TableInUse()
        for scope in scopes:
            while scope not in table.modules:
                table.add(scope)
                scope = ScopeTree.called_parent(scope, self.modules)  # noqa: PLW2901 - climbing to the root
        return ModuleIndexes(table, self._parameter_owners)

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


def _calls(
    table: ModuleTable, parameter_owners: Collection[str], nodes: Sequence[gs.Node], scopes: Sequence[str | None]
) -> list[Call]:
    """Return the calls of a table. If it did not record them, the nodes of the file give their order."""
    calls = order_of_calls(table, parameter_owners)
    if not any(module.parameters for module in table.modules.values()):
        calls = _with_likely_parameters(calls, table, nodes)
    if records_calls(table):
        return calls
    flow = Dataflow(list(nodes))
    order = as_ints(node_order(flow, scopes))
    if order != sorted(order):
        flow, scopes = Dataflow([nodes[position] for position in order]), [scopes[position] for position in order]
    return in_order_of_nodes(calls, table, flow, scopes)


def _with_likely_parameters(calls: Sequence[Call], table: ModuleTable, nodes: Iterable[gs.Node]) -> list[Call]:
    """Return calls of a table that does not tell parameters, with those of leaf modules that are likely to have some.

    These are modules of a class of which the file names a parameter, and of one of PyTorch's that is associated with an
    operator that reads a weight matrix in the file.
    """
    statistics = class_statistics()

    def is_of_operator(call: Call) -> bool:
        name = statistics.counted_name(table[call.scope].class_name)
        return name != OTHER_CLASS and any(statistics.pmi(name, operator) > 0 for operator in operators)

    operators = {node.op for node in nodes if any(_is_matrix(tensor) for tensor in node.inputs)}
    named = {call.class_name for call in calls if call.has_parameters and call.class_name is not None}
    likely = named | {call.class_name for call in calls if call.class_name is not None and is_of_operator(call)}
    return [
        call._replace(has_parameters=call.has_parameters or (call.is_leaf and call.class_name in likely))
        for call in calls
    ]


def _is_matrix(tensor: gs.Tensor) -> bool:
    return isinstance(tensor, gs.Constant) and len(tensor.shape) > 1
