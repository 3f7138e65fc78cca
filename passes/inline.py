"""Replace calls of functions by the nodes of the functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..selection.modules import all_modules, select_modules
from ..selection.node_instances import node_instances
from ..selection.pattern import Pattern, split_patterns
from .base import Condition, Pass, option
from .conditions import every_node_has_a_tag
from .findings import Severity

if TYPE_CHECKING:
    import onnx

    from ..graph.edits import Edits
    from ..outlining.graph_view import Decisions
    from .context import Context


@dataclass(frozen=True)
class Inline(Pass):
    """Replace calls of local functions by the nodes of the functions, whoever made them.

    A node gets the module of the call and, if the function was made by `outline`, its own module below that. Values and
    nodes keep their names if they are free.
    """

    name: ClassVar[str] = "inline"
    rewrites: ClassVar[bool] = True
    requires: ClassVar[tuple[Condition, ...]] = (every_node_has_a_tag,)
    modules: str = option("**", "patterns of the modules whose calls are inlined, separated by semicolons")

    def __post_init__(self) -> None:
        _ = self._patterns

    def apply(self, context: Context) -> None:
        """Inline the calls and report the functions that are left alone."""
        from ..outlining.inline import Inliner
        from .function_bodies import place_function_bodies

        selected = set(self._selected(context))
        left: dict[str, str] = {}

        def edit(model: onnx.ModelProto, decisions: Decisions) -> Edits:
            inliner = Inliner(model, decisions, selected.__contains__)
            edits = inliner.run()
            left.update(inliner.left)
            return edits

        context.edit_messages(edit)
        place_function_bodies(context)
        for name, reason in left.items():
            context.findings.add(Severity.INFO, "not-inlined", f"function '{name}' is not inlined: {reason}")

    @property
    def _patterns(self) -> list[Pattern]:
        return [Pattern.parse(item) for item in split_patterns(self.modules)]

    def _selected(self, context: Context) -> list[str]:
        table = context.table.modules
        scopes = {instance.scope for instance in node_instances(context.model, context.tags.get)}
        return select_modules(self._patterns, all_modules(table, scopes), table)
