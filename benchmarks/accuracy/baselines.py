"""Simple methods to measure hpass against; each names the hidden nodes of a model from the visible ones.

The last, `named`, is not one: it is what could be said at best.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import onnx

from .dataflow import readers
from .scopes import common_ancestor, with_ancestors

Labels = Mapping[int, str]
"""Position of a node in the main graph -> its module."""


def split_name(model: onnx.ModelProto) -> list[str]:
    """Take the path in a node's name for its module: `/encoder/layer.0/MatMul_1` -> `encoder.layer.0`."""
    return [".".join(node.name.split("/")[1:-1]) for node in model.graph.node]


def parameter_owners(model: onnx.ModelProto, modules: Collection[str]) -> dict[int, str]:
    """Label the nodes that read a parameter with the module in the parameter's name."""
    names = {tensor.name for tensor in model.graph.initializer}
    owners: dict[int, str] = {}
    for i, node in enumerate(model.graph.node):
        owned = {name.rpartition(".")[0] for name in node.input if name in names and "." in name} & set(modules)
        if owned:
            owners[i] = common_ancestor(owned)
    return owners


def root(model: onnx.ModelProto, visible: Labels) -> list[str]:
    """Give everything hidden to the root."""
    return [visible.get(i, "") for i in range(len(model.graph.node))]


def consumers(model: onnx.ModelProto, visible: Labels) -> list[str]:
    """Give a hidden node the common ancestor of the nodes that read its outputs, from the outputs back."""
    nodes, reading = model.graph.node, readers(model)
    outputs = {value.name for value in model.graph.output}
    labels = root(model, visible)
    for i in reversed(range(len(nodes))):
        if i not in visible:
            below = [labels[reader] for name in nodes[i].output for reader in reading.get(name, ())]
            below += [""] * sum(name in outputs for name in nodes[i].output)
            labels[i] = common_ancestor(below)
    return labels


def emission_order(model: onnx.ModelProto, visible: Labels) -> list[str]:
    """Give a hidden node the common ancestor of the nearest visible nodes before and after it in the file.

    The file's start and end count as the root.
    """
    before = _nearest(range(len(model.graph.node)), visible)
    after = _nearest(reversed(range(len(model.graph.node))), visible)
    return [
        visible[i] if i in visible else common_ancestor({before[i] or "", after[i] or ""}) for i in range(len(before))
    ]


def _nearest(order: Iterable[int], visible: Labels) -> dict[int, str | None]:
    latest: str | None = None
    nearest: dict[int, str | None] = {}
    for i in order:
        latest = visible.get(i, latest)
        nearest[i] = latest
    return nearest


def named(truth: Sequence[str | None], model: onnx.ModelProto, visible: Labels) -> list[str]:
    """Give every node its true module where a visible node or a parameter names it or one inside it, else the root."""
    owners = {tensor.name.rpartition(".")[0] for tensor in model.graph.initializer}
    known = {module for scope in owners.union(visible.values()) for module in with_ancestors(scope)}
    return [scope if scope is not None and scope in known else "" for scope in truth]
