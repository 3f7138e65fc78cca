"""A digest of all of a model that hpass must not change: everything but its own tags and the weights' bytes.

The weights' bytes are left out because no code of hpass writes them and hashing them would mean reading them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import onnx
from google.protobuf.message import Message

from .tags import is_ours, remove_tags


def fingerprint(model: onnx.ModelProto) -> str:
    """Return the digest of a model. Linear in nodes; two models of the same digest differ in tags or weights only."""
    digest = blake2b(digest_size=16)
    for field, value in model.ListFields():
        if field.name == "metadata_props":
            digest.update(_without_tags(value))
            continue
        digest.update(field.name.encode())
        if field.name == "graph":
            _graph(value, digest)
        elif field.name == "functions":
            for function in value:
                _graph(function, digest)
        else:
            digest.update(_bytes(value))
    return digest.hexdigest()


def _graph(graph: Message, digest: Any) -> None:
    for field, value in graph.ListFields():
        digest.update(field.name.encode())
        if field.name == "node":
            for node in value:
                digest.update(_node(node))
        elif field.name == "initializer":
            for tensor in value:
                digest.update(f"{tensor.name}\0{list(tensor.dims)}{tensor.data_type}".encode())
        else:
            digest.update(_bytes(value))


def _node(node: onnx.NodeProto) -> bytes:
    """Return the node's bytes without tags, its own and those of nodes in its subgraphs."""
    holds_graphs = any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
    if not holds_graphs and not node.metadata_props:
        return node.SerializeToString()
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    remove_tags(copy)
    if holds_graphs:
        _clean(copy)
    return copy.SerializeToString()


def _clean(node: onnx.NodeProto) -> None:
    pending = [node]
    while pending:
        current = pending.pop()
        remove_tags(current)
        for attribute in current.attribute:
            for graph in (attribute.g, *attribute.graphs):
                pending.extend(graph.node)


def _without_tags(props: Any) -> bytes:
    return _bytes([prop for prop in props if not is_ours(prop.key)])


def _bytes(value: Any) -> bytes:
    if isinstance(value, Message):
        return value.SerializeToString()
    if isinstance(value, (str, int, float, bytes)):
        return repr(value).encode()
    return b"\0".join(_bytes(item) for item in value)
