"""Baselines: simple methods that label the hidden nodes of a model from the visible ones.

`named` is not a method but an upper bound for methods without a module table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import onnx

from .scopes import common_ancestor, with_ancestors
from .value_readers import readers

Labels = Mapping[int, str]
"""A mapping from the position of a node in the main graph to its module."""


def split_name(model: onnx.ModelProto) -> list[str]:
    """Label every node with the path in its name: `/encoder/layer.0/MatMul_1` gives `encoder.layer.0`."""
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
    """Label every hidden node with the root."""
    return [visible.get(i, "") for i in range(len(model.graph.node))]


def consumers(model: onnx.ModelProto, visible: Labels) -> list[str]:
    """Label a hidden node with the common ancestor of the nodes that read its outputs, in reverse order."""
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
    """Label a hidden node with the common ancestor of the nearest visible nodes before and after it in the file.

    The start and the end of the file count as visible nodes at the root.
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
    """Label a node with its true module if a visible node or a parameter names it or a submodule; else the root."""
    owners = {tensor.name.rpartition(".")[0] for tensor in model.graph.initializer}
    known = {module for scope in owners.union(visible.values()) for module in with_ancestors(scope)}
    return [scope if scope is not None and scope in known else "" for scope in truth]
