"""Write the module of each node under the metadata key of another tool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..errors import UsageError
from ..identity_map import IdentityMap
from ..selection.modules import all_modules, select_modules
from ..selection.node_instances import scopes_by_node
from ..selection.pattern import Pattern, split_patterns
from ..tags.tag_format import PREFIX
from .base import Condition, Pass, option
from .conditions import every_node_has_a_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_graphsurgeon as gs

    from .context import Context

# Model Explorer splits this key at slashes, and makes a group of each part.
_NAMESPACE = "namespace"
# A pattern, and the value behind the first `=` that is not escaped and not at the start of the pattern.
_ITEM = re.compile(r"(?P<pattern>!?=?(?:\\.|[^=\\])*\\?)(?:=(?P<value>.*))?", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Annotate(Pass):
    """Write the module of each node under the metadata key of another tool, such as layer_ann or namespace.

    The value is the scope; under `namespace` it is the class path. Nodes of the root get no value unless `modules`
    gives one. For a node of a function it is the nearest module around all calls. What stood under the key is noted on
    the node, and `hpass strip` restores it.
    """

    name: ClassVar[str] = "annotate"
    rewrites: ClassVar[bool] = True
    requires: ClassVar[tuple[Condition, ...]] = (every_node_has_a_tag,)
    key: str = option("layer_ann", "the key: layer_ann for onnxruntime, namespace for Model Explorer, or any other")
    modules: str = option("**", "patterns separated by semicolons, each with a value after = if it is not the scope")

    def __post_init__(self) -> None:
        if not self.key or self.key.startswith(PREFIX):
            raise UsageError(f"option annotate.key: '{self.key}' is not a key of another tool")
        _ = self._groups

    def apply(self, context: Context) -> None:
        """Annotate the nodes of the selected modules."""
        model = context.model
        # The keys are written to the messages, which new nodes do not have yet.
        model.write_edits()
        table, values = context.table.modules, self._values(context)
        in_functions: IdentityMap[gs.Node, list[str]] = IdentityMap()
        if model.graph.functions:
            in_functions = scopes_by_node(model, context.tags.get)
        found: list[tuple[gs.Node, str]] = []
        for node, tag in context.tagged_nodes():
            value = _value(node, in_functions.get(node) or [tag.scope], values)
            if value is None:
                value = table.path(tag.scope) if self.key == _NAMESPACE else tag.scope
            if value:
                found.append((node, value))
        model.annotate(found, self.key)

    @property
    def _groups(self) -> list[tuple[Pattern, str]]:
        """The patterns and their values; an empty value stands for the scope."""
        return [_parse_item(item) for item in split_patterns(self.modules)]

    def _values(self, context: Context) -> dict[str, str | None]:
        """Return the value of each module, None for its name; the last pattern that matches a module decides."""
        table = context.table.modules
        modules = all_modules(table, {tag.scope for _, tag in context.tagged_nodes()})
        values: dict[str, str | None] = {}
        for index, (pattern, value) in enumerate(self._groups):
            selected = select_modules([pattern.added], modules, table)
            if index == 0 and pattern.takes_away:
                values = dict.fromkeys(modules)
            values.update(dict.fromkeys(selected, "" if pattern.takes_away else value or None))
        return values


def _value(node: gs.Node, scopes: Sequence[str], values: Mapping[str, str | None]) -> str | None:
    """Return the value that all modules of a node have: empty for none, None for the name of the node's module."""
    found = {values.get(scope, "") for scope in scopes}
    if len(found) > 1:
        raise UsageError(
            f"option annotate.modules: takes only some calls of a function (node '{node.name}'); `--passes "
            "all,inline,annotate` gives each call its own nodes"
        )
    return found.pop()


def _parse_item(text: str) -> tuple[Pattern, str]:
    found = _ITEM.fullmatch(text)
    if found is None or found["value"] == "":
        raise UsageError(f"option annotate.modules: '{text}': no value follows the =")
    pattern, value = Pattern.parse(found["pattern"]), found["value"] or ""
    if pattern.takes_away and value:
        raise UsageError(f"option annotate.modules: '{text}': a pattern that takes modules away has no value")
    return pattern, _ESCAPED.sub(r"\1", value)
