"""What the parameters that a node reads say about its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ...analysis.lost_parameters import lacks_parameters
from ...evidence.claims import Claim
from ...evidence.parameter_uses import PASS_THROUGH_OPS, ParameterUses
from ...inference.class_statistics import class_statistics
from ...tags.module_table import ModuleTable
from ...tags.tag_format import Source
from ..context import Context
from .open_modules import weights_without_a_name


def claim_parameters(uses: ParameterUses, context: Context) -> None:
    """Claim the modules that own the parameters that nodes read."""
    table = context.table.declared
    lost = _Lost.of(table, uses, context)
    aliases = {} if table is None else table.aliases()
    aliased = {*aliases.values()}
    may_be_merged = table is not None and lacks_parameters(table, uses)
    called_again = False
    for node, found in uses.items():
        # If one module of a block is called again, the others are as well.
        before, called_again = called_again, not all(uses.is_first_reader(node, use) for use in found)
        for use in found:
            # A container of parameters, or a module whose weights another one uses, never runs itself.
            scope = aliases.get(use.owner, use.owner)
            owner = scope if table is None else table.nearest_called(scope)
            if called_again and not before and lost.may_read(node, scope):
                continue
            # A module with two names ran under either of them, and a tied weight may be read in another module. The
            # weights of a module that may not run at all may be another one's to use.
            certain = (
                owner not in aliased
                and (table is None or _is_known_to_run(owner, table))
                and not (may_be_merged and uses.is_read_again(use))
                and not (table is not None and _is_tied(node, owner, table))
            )
            context.evidence.add(node, Claim(owner, Source.PARAMETER, "parameter", use.parameter, certain))


def _is_known_to_run(scope: str, table: ModuleTable) -> bool:
    return scope in table and table[scope].called is True


def _is_tied(node: gs.Node, owner: str, table: ModuleTable) -> bool:
    """Whether a node reads a parameter in a way in which no module of its owner's class does, one of PyTorch's.

    Another module shares the parameter: an embedding looks up rows of the matrix that a linear layer multiplies by.
    """
    class_name = table[owner].class_name if owner in table else None
    return node.op not in PASS_THROUGH_OPS and class_statistics().never_becomes(class_name, node.op)


class _Lost(NamedTuple):
    """What a file lacks that stores equal parameters once, under the name of the first module.

    `modules` are the modules of the table by position, `last` the position of the last module of each class whose
    parameters have no name in the file. `operators` are those of the nodes that read weights without a name: these may
    be the parameters of such modules.
    """

    modules: Mapping[str, tuple[int, str | None]]
    last: Mapping[str | None, int]
    operators: frozenset[str]

    @classmethod
    def of(cls, table: ModuleTable | None, uses: ParameterUses, context: Context) -> _Lost:
        if table is None:
            return cls({}, {}, frozenset())
        named = set(uses.owners())
        modules = {scope: (index, table[scope].class_name) for index, scope in enumerate(table)}
        return cls(
            modules,
            {class_name: index for scope, (index, class_name) in modules.items() if scope not in named},
            frozenset(node.op for node in context.nodes() for _ in weights_without_a_name(node, uses)),
        )

    def may_read(self, node: gs.Node, owner: str) -> bool:
        """Whether a node that reads parameters of a module again may be a later module of that class."""
        if owner not in self.modules or node.op in self.operators:
            return False
        position, class_name = self.modules[owner]
        return self.last.get(class_name, -1) > position
