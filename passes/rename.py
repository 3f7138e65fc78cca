"""Name nodes and values after their modules: `/encoder/layer.0/attention/self/query/MatMul`."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, ClassVar

from ..evidence.node_names import label_path
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from ..tags.tag_format import NAME, OUTPUTS
from .base import Condition, Pass, option
from .conditions import every_node_has_a_tag

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

    from .context import Context


@dataclass(frozen=True)
class Rename(Pass):
    """Name nodes and values after their modules, as in /encoder/layer.0/attention/self/query/MatMul.

    The inputs and outputs of graphs, subgraphs and functions keep their names, and so do weights. The old names are
    noted on the nodes, and `hpass strip` restores them.
    """

    name: ClassVar[str] = "rename"
    rewrites: ClassVar[bool] = True
    requires: ClassVar[tuple[Condition, ...]] = (every_node_has_a_tag,)
    values: bool = option(True, "rename values as well: what a node writes gets the name of the node")

    def apply(self, context: Context) -> None:
        """Rename all nodes whose names can be noted."""
        model = context.model
        # The names are noted on the messages, which new nodes do not have yet.
        model.write_edits()
        kept = _kept_names(context)
        names = _Names(context.table.modules, kept)
        originals: list[tuple[gs.Node, str | None, list[str]]] = []
        written: IdentityMap[gs.Tensor, None] = IdentityMap()
        for node in context.nodes():
            tag = context.tags.get(node)
            if tag is None or not model.has_utf8_names(node):
                context.skip(node, "its name is not UTF-8, so it could not be restored")
                continue
            originals.append((node, model.original_name(node), model.original_outputs(node)))
            node.name = names.unique(tag.scope, node.op, len(node.outputs) if self.values else 0)
            for index, value in enumerate(node.outputs):
                if self.values and value.name and value.name not in kept and value not in written:
                    written[value] = None
                    value.name = f"{node.name}_output_{index}"
        model.write_edits()
        for node, name, outputs in originals:
            old_outputs = [None if value.name == old else old for value, old in zip(node.outputs, outputs, strict=True)]
            model.note(node, NAME, None if node.name == name else json.dumps(name, ensure_ascii=False))
            model.note(node, OUTPUTS, json.dumps(old_outputs, ensure_ascii=False) if any(old_outputs) else None)


class _Names:
    """Makes names that no other node, and no value that keeps its name, has."""

    def __init__(self, modules: ModuleTable, kept: set[str]) -> None:
        self._prefix = cache(partial(label_path, modules))
        self._kept = kept
        self._counts: defaultdict[str, int] = defaultdict(int)

    def unique(self, scope: str, operator: str, outputs: int) -> str:
        """Return a new name of a node in a module, such that the names of its outputs are new as well."""
        base = f"{self._prefix(scope)}{operator}"
        while True:
            count = self._counts[base]
            self._counts[base] += 1
            name = f"{base}_{count}" if count else base
            if not any(f"{name}_output_{index}" in self._kept for index in range(outputs)):
                return name


def _kept_names(context: Context) -> set[str]:
    """Return the names that stay: those of inputs, outputs and weights, and of values that cannot be renamed."""
    model = context.model
    kept: set[str] = set()
    for region in context.regions():
        written = {tensor.name for node in region.graph.nodes for tensor in node.outputs}
        kept.update(name for name, _ in model.initializers(region.graph))
        kept.update(tensor.name for tensor in (*region.graph.inputs, *region.graph.outputs))
        # Optimisers leave the types of values behind that nothing writes any more.
        kept.update(model.typed_values(region.graph) - written)
        for node in region.graph.nodes:
            kept.update(tensor.name for tensor in node.inputs if not tensor.inputs)
            if not model.has_utf8_names(node):
                kept.update(tensor.name for tensor in node.outputs)
    return kept
