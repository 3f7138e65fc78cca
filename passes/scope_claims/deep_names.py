"""Names that lead through too many modules."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from ...errors import quoted
from ...evidence.node_names import read_name
from ...evidence.parameter_names import parameter_owner
from ...tags.scope import MAX_DEPTH, is_scope
from ...tags.tag_format import SCOPE
from ..context import Context
from ..findings import Severity


def report_deep_names(described: Sequence[gs.Node], context: Context) -> None:
    """Report the names that would be those of modules if they did not lead through so many."""
    names = [node.name for node in context.nodes() if len(node.name) > MAX_DEPTH and _is_deep(node.name)]
    names += [
        value.name
        for node in context.nodes()
        for value in node.outputs
        if len(value.name) > MAX_DEPTH and _is_deep(value.name)
    ]
    names += [
        name for region in context.regions() for name, _ in context.model.initializers(region.graph) if _is_deep(name)
    ]
    scopes = [dict(context.model.stored_entries(node)).get(SCOPE, "") for node in described]
    deep = [name for name in dict.fromkeys(names) if not (read_name(name) or parameter_owner(name))]
    deep += [scope for scope in dict.fromkeys(scopes) if _is_deep(scope) and not is_scope(scope)]
    if deep:
        context.findings.add(
            Severity.WARNING,
            "deep-name",
            f"{len(deep)} names lead through more than {MAX_DEPTH} modules and are not used ({quoted(deep[0])})",
        )


def _is_deep(name: str) -> bool:
    return name.count(".") + name.count("/") >= MAX_DEPTH
