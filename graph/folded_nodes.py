"""Values that one model computes and that another holds as weights, because an optimiser computed them in advance."""

from __future__ import annotations

import onnx

from ..tags.scope import is_descendant, lca
from ..tags.tag_format import Tag
from .decode import as_text
from .flat_nodes import FlatGraph
from .plain_copy import PlainCopy


def with_folded_nodes(copy: PlainCopy, original: PlainCopy) -> PlainCopy:
    """Return a model with a node for each weight that the original computes, in the module that computes it there.

    So a wrong weight is the fault of that module and not of those that read it.
    """
    tags: dict[str, Tag | None] = {
        as_text(name): original.tags.get(as_text(node.name))
        for node in original.proto.graph.node
        if node.op_type != "Constant"
        for name in node.output
    }
    folded = {name for name in FlatGraph.of(copy.proto.graph).weights & tags.keys() if _is_near(copy, name, tags[name])}
    folded -= {as_text(value.name) for value in copy.proto.graph.input}
    if not folded:
        return copy
    made = onnx.ModelProto()
    made.CopyFrom(copy.proto)
    taken = {tensor.name for tensor in made.graph.initializer} | {node.name for node in made.graph.node}
    found = dict(copy.tags)
    nodes: list[onnx.NodeProto] = []
    for tensor in made.graph.initializer:
        name = as_text(tensor.name)
        if name in folded:
            tensor.name = _free(f"{name}_folded", taken)
            node = onnx.helper.make_node("Identity", [tensor.name], [name], name=_free(f"{name}_node", taken))
            nodes.append(node)
            tag = tags[name]
            if tag is not None:
                found[node.name] = tag
    rest = list(made.graph.node)
    del made.graph.node[:]
    made.graph.node.extend([*nodes, *rest])
    return PlainCopy(made, found)


def _is_near(copy: PlainCopy, name: str, tag: Tag | None) -> bool:
    """Whether the readers of a weight are near the module that computes a value of its name, so that it is the same."""
    nodes = FlatGraph.of(copy.proto.graph).nodes
    readers = [copy.tags[node.name].scope for node in nodes if name in node.reads and node.name in copy.tags]
    if tag is None or not readers:
        return False
    scope = lca(readers)
    return is_descendant(scope, tag.scope) or is_descendant(tag.scope, scope)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
