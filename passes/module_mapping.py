"""The second pass: the class of each module, and with it the class path that is a node's tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..tags.module_table import ModuleTable
from .base import Condition, Pass
from .conditions import every_scope_is_in_the_table
from .findings import unknown_modules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Context


@dataclass(frozen=True)
class ModuleMapping(Pass):
    """Find the class of every module, from the exporter's metadata, a table in the file, or `--modules`.

    Modules that nodes name and the table lacks are added, so that a tag always leads through the table.
    """

    name: ClassVar[str] = "module-mapping"
    ensures: ClassVar[tuple[Condition, ...]] = (every_scope_is_in_the_table,)

    def apply(self, context: Context) -> None:
        """Complete the module table in use."""
        context.use_declared_table()
        table = context.table.modules
        for scope, class_name in context.evidence.classes.items():
            table.add(scope, class_name)
        table.add("")
        named = dict.fromkeys(scope for _, tag in context.tagged_nodes() for scope in (tag.scope, tag.target))
        for scope in named:
            table.add(scope)
        _name_aliases(table)
        if context.table.declared is None:
            unknown = list(table)
        else:
            aliases = context.table.declared.aliases()
            unknown = [
                scope for scope in named if scope and scope not in context.table.declared and scope not in aliases
            ]
            if unknown:
                context.findings.append(unknown_modules(unknown))
        _add_ancestors(unknown, context)


def _name_aliases(table: ModuleTable) -> None:
    """Give a module that goes by an alias the class of the module that it is."""
    for alias, scope in table.aliases().items():
        if alias in table:
            table.add(alias, table[scope].class_name, called=table[scope].called)


def _add_ancestors(scopes: Iterable[str], context: Context) -> None:
    """Add the modules above those that only their names tell of.

    One with a numbered child is taken for a container, as is one that was not open when a module in it ran.
    """
    seen: set[str] = set()
    for scope in scopes:
        below = scope
        while below and below not in seen:
            seen.add(below)
            above, _, own = below.rpartition(".")
            if (
                above not in context.table.modules
                and above not in context.evidence.inferred_containers
                and not own.isnumeric()
            ):
                context.table.modules.add(above)
            below = above
