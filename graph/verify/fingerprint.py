"""A digest of all of a model that hpass must not change: everything but its own tags and the weights' bytes.

The weights' bytes are left out because no code of hpass writes them and hashing them would mean reading them.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import onnx
from google.protobuf.message import Message

from ...tags.tag_format import PREFIX, is_hpass_key, remove_tags
from ..walk import nodes_within

# Messages are copied and serialized in groups: one at a time is slow, all at once takes memory.
_GROUP = 256
_MARK = PREFIX.encode()


def fingerprint(model: onnx.ModelProto) -> str:
    """Return the digest of a model. Linear in nodes; two models of the same digest differ in tags or weights only."""
    digest = blake2b(digest_size=16)
    for part in _parts(model):
        digest.update(part)
    return digest.hexdigest()


def _parts(holder: Message) -> Iterator[bytes]:
    """Yield the bytes of all fields of a model, a graph or a function, tags and weights left out."""
    for field, value in holder.ListFields():
        if field.name == "metadata_props":
            # No name before it: what held tags alone is as if it were not there.
            yield from _serialized(type(holder), field.name, [prop for prop in value if not is_hpass_key(prop.key)])
            continue
        yield field.name.encode()
        if field.name == "initializer":
            for tensor in value:
                yield f"{tensor.name}\0{list(tensor.dims)}{tensor.data_type}".encode()
        elif field.name == "graph":
            yield from _parts(value)
        elif field.name == "functions":
            for function in value:
                yield from _parts(function)
        elif hasattr(value, "add"):
            yield from _serialized(type(holder), field.name, value)
        else:
            yield repr(value).encode()


def _serialized(kind: Any, field: str, values: Any) -> Iterator[bytes]:
    """Yield the bytes of a repeated field, group by group, tags on nodes left out."""
    for start in range(0, len(values), _GROUP):
        group = kind()
        getattr(group, field).extend(values[start : start + _GROUP])
        data = group.SerializeToString()
        if field == "node" and _MARK in data:
            for node in nodes_within(group):
                remove_tags(node)
            data = group.SerializeToString()
        yield data
