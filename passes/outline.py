"""Make local functions of modules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from ..errors import UsageError
from ..selection.modules import all_modules, select_modules
from ..selection.pattern import Pattern, split_patterns
from ..tags.scope import parent
from ..wording import counted
from .base import Condition, Pass, option
from .conditions import every_node_has_a_tag
from .findings import Severity, examples

if TYPE_CHECKING:
    import onnx

    from ..graph.edits import Edits
    from ..outlining.graph_view import Decisions
    from ..tags.module_table import ModuleTable
    from .context import Context


@dataclass(frozen=True)
class Outline(Pass):
    """Make local functions of modules, those inside a module as functions that its function calls.

    A node in a function has `hpass.within`, its module below that of the call. The pass `inline` gives back every node,
    name, value and metadata entry. Modules that are not convex are left alone.
    """

    name: ClassVar[str] = "outline"
    rewrites: ClassVar[bool] = True
    requires: ClassVar[tuple[Condition, ...]] = (every_node_has_a_tag,)
    modules: str = option("**", "patterns of modules, separated by semicolons")
    depth: int = option(0, "only modules at this depth, and modules above it that call no other; 0: all modules")

    share: bool = option(
        True, "one function for modules that are equal but for their weights; false: one for each module"
    )

    def __post_init__(self) -> None:
        if self.depth < 0:
            raise UsageError(f"option outline.depth: {self.depth} is less than 0")
        _ = self._patterns

    def apply(self, context: Context) -> None:
        """Make the functions and report the modules that are left alone."""
        from ..outlining.outline import Outliner
        from .function_bodies import place_function_bodies
        from .numbered_calls import find_call_numbers

        selected = self._selected(context)
        modules = context.table.modules

        @cache
        def path(scope: str) -> tuple[str, ...]:
            above = path(parent(scope)) if scope else ()
            return (*above, scope) if scope in selected else above

        left: dict[str, str] = {}

        def edit(model: onnx.ModelProto, decisions: Decisions) -> Edits:
            outliner = Outliner(model, decisions, modules, path, call_numbers, share=self.share)
            edits = outliner.run()
            left.clear()
            left.update(outliner.left)
            if outliner.dropped:
                context.findings.add(
                    Severity.INFO,
                    "dropped-metadata",
                    f"{counted(outliner.dropped, 'entry', 'entries')} of metadata dropped: "
                    "modules that share a function differ in them",
                )
            return edits

        # A module that is left alone for the sake of another may fit once that one is a function.
        is_edited = True
        while is_edited:
            _, call_numbers = find_call_numbers(context)
            is_edited = context.edit_messages(edit) and bool(left)
            place_function_bodies(context)
        for reason in dict.fromkeys(left.values()):
            scopes = [f"'{scope}'" for scope, found in left.items() if found == reason]
            those = counted(len(scopes), "module is no function", "modules are no functions")
            context.findings.add(Severity.INFO, "not-outlined", f"{those}: {examples(scopes)}; {reason}")

    @property
    def _patterns(self) -> list[Pattern]:
        return [Pattern.parse(item) for item in split_patterns(self.modules)]

    def _selected(self, context: Context) -> set[str]:
        table = context.table.modules
        modules = all_modules(table, {tag.scope for _, tag in context.tagged_nodes()})
        selected = select_modules(self._patterns, modules, table)
        callers = {table.nearest_called(parent(scope)) for scope in table if scope and table.is_called(scope)}
        return {
            scope
            for scope in selected
            if scope and table.is_called(scope) and (not self.depth or self._has_depth(scope, table, callers))
        }

    def _has_depth(self, scope: str, table: ModuleTable, callers: set[str]) -> bool:
        """Whether a called module is at the depth; the root's have depth 1."""
        depth = 0
        current = scope
        while current:
            depth += table.is_called(current)
            current = parent(current)
        return depth == self.depth or (depth < self.depth and scope not in callers)
