"""The paths of modules in the names of nodes and values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ...evidence.merged_models import NamePrefixes
from ...evidence.node_names import LabelPath, ModulePath, read_name
from ...graph.model import NamedNode
from ..context import Context


class NodeWithPath(NamedTuple):
    """A node whose name, or a value of whose, holds a path: where the path was read, and the name itself."""

    node: gs.Node
    origin: str
    text: str


NamePath = LabelPath | ModulePath


NamePaths = dict[NamePath, list[NodeWithPath]]
"""The paths in names, in order of first appearance, each with the nodes that it was read from."""


def named_nodes(names: Iterable[NamedNode], context: Context) -> NamePaths:
    """Return the paths in the names of nodes; where a node's own holds none, in that of a value that it writes."""
    paths: NamePaths = defaultdict(list)
    prefixes = context.evidence.name_prefixes
    # Whoever exports a model names its outputs, and may put a slash in.
    outputs = {id(tensor) for tensor in context.graph.outputs}
    # What the pass `rename` wrote says nothing that the tags do not say.
    for node, name, _ in names:
        path = _read_path(name, prefixes) if name else None
        if path is not None:
            paths[path].append(NodeWithPath(node, "node name", name))
            continue
        for value, value_name in zip(node.outputs, context.model.original_outputs(node), strict=True):
            path = _read_path(value_name, prefixes)
            if path is not None and not (isinstance(path, ModulePath) and id(value) in outputs):
                paths[path].append(NodeWithPath(node, "value name", value_name))
                break
    return paths


def names_of_merged_nodes(named: NamePaths, context: Context) -> list[tuple[LabelPath, NodeWithPath]]:
    """Return the paths in the names of values whose writers are named otherwise: a tool merged several nodes there.

    They are added to `named`, without nodes.
    """
    prefixes = context.evidence.name_prefixes
    outputs = {id(tensor) for tensor in context.graph.outputs}
    found: list[tuple[LabelPath, NodeWithPath]] = []
    for path, group in named.items():
        if isinstance(path, ModulePath):
            continue
        for node, origin, text in group:
            own = f"{text}_output_"
            for value in node.outputs:
                if not value.name.startswith(own):
                    break
            else:
                continue
            for value, value_name in zip(node.outputs, context.model.original_outputs(node), strict=True):
                other = None if id(value) in outputs or origin == "value name" else _read_path(value_name, prefixes)
                if isinstance(other, LabelPath) and other != path:
                    found.append((other, NodeWithPath(node, "value name", value_name)))
                    break
    for path, _ in found:
        named.setdefault(path, [])
    return found


def _read_path(name: str, prefixes: NamePrefixes) -> NamePath | None:
    """Return the path in a name, below the root of the model that the name belongs to."""
    if not prefixes.roots:
        return read_name(name)
    root, rest = prefixes.split(name)
    path = read_name(rest)
    if path is None or not root:
        return path
    return LabelPath((root, *path.labels)) if isinstance(path, LabelPath) else ModulePath((root, *path.layers))
