"""A model with fewer layers: the first nodes of an exported model, and the part of its module table that they need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import onnx

from .scopes import with_ancestors

_KEPT = 0.7
"""The share of the nodes that is kept."""


class Shorter(NamedTuple):
    """A shorter model, the entries of its module table, and the modules that it has whole."""

    model: onnx.ModelProto
    modules: dict[str, Any]
    whole: set[str]


def shorter(model: onnx.ModelProto, truth: Sequence[str | None], modules: Mapping[str, Any]) -> Shorter:
    """Cut the last nodes off a model with these true modules and this table. What they read becomes its outputs."""
    count = int(_KEPT * len(model.graph.node))
    kept, dropped = model.graph.node[:count], model.graph.node[count:]
    written = {name for node in kept for name in node.output if name}
    read = {name for node in kept for name in _reads(node)}
    ends = written & {*(name for node in dropped for name in _reads(node)), *(out.name for out in model.graph.output)}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    del graph.node[count:], graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(ends))
    _keep(graph.initializer, read)
    _keep(graph.value_info, written)
    named = {name for scope in truth[:count] if scope is not None for name in ("", *with_ancestors(scope))}
    whole = {scope for scope in truth[:count] if scope is not None} - {*truth[count:]}
    return Shorter(result, {scope: modules[scope] for scope in modules if scope in named}, whole)


def _keep(messages: Any, names: Collection[str]) -> None:
    found = [message for message in messages if message.name in names]
    del messages[:]
    messages.extend(found)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the names that a node and its subgraphs read."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)
            yield from (output.name for output in graph.output)
