"""Serialise a model in chunks, one per initializer, so that there is never a copy of all weights.

SerializeToString of a message of 440 MB allocates several times its size, which takes longer than to write the file.
https://protobuf.dev/programming-guides/encoding describes the format. A field consists of its number and its wire type
(here always 2: a length follows), the length, and the content. Protobuf writes fields in the order of their numbers.
"""

from __future__ import annotations

from typing import Any

import onnx
from google.protobuf.unknown_fields import UnknownFieldSet

# Models with fewer elements in initializers (64 MiB of float32) are serialised in one chunk. Chunks would save them at
# most 0.1 s.
_MIN_CHUNKED_ELEMENTS = 1 << 24
_LENGTH_DELIMITED = 2


def chunks(model: onnx.ModelProto) -> list[bytes]:
    """Return the bytes of `model.SerializeToString()` in chunks. Raises the same exceptions."""
    graph = model.graph
    if (
        sum(map(_element_count, graph.initializer)) < _MIN_CHUNKED_ELEMENTS
        or UnknownFieldSet(model)
        or UnknownFieldSet(graph)
    ):
        return [model.SerializeToString()]
    try:
        before, after = _bytes_around(model, "graph")
        inner, rest = _bytes_around(graph, "initializer")
    except UnicodeDecodeError:
        # A string that is not UTF-8 can be parsed and serialised, but not set in another message.
        return [model.SerializeToString()]
    graph_chunks = [inner]
    for tensor in graph.initializer:
        data = tensor.SerializeToString()
        graph_chunks += [_header(graph, "initializer", len(data)), data]
    graph_chunks.append(rest)
    return [before, _header(model, "graph", sum(map(len, graph_chunks))), *graph_chunks, after]


def _bytes_around(message: Any, name: str) -> tuple[bytes, bytes]:
    """Return the bytes of all fields before a field, and of all fields after it."""
    sides = type(message)(), type(message)()
    number = message.DESCRIPTOR.fields_by_name[name].number
    for field, value in message.ListFields():
        if field.number == number:
            continue
        side = sides[field.number > number]
        if hasattr(value, "extend"):
            getattr(side, field.name).extend(value)
        else:
            setattr(side, field.name, value)
    return sides[0].SerializeToString(), sides[1].SerializeToString()


def _header(message: Any, name: str, length: int) -> bytes:
    number = message.DESCRIPTOR.fields_by_name[name].number
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    """Return an integer as a varint: seven bits per byte, the lowest first, with bit 8 set in all but the last byte."""
    encoded = bytearray()
    while value >> 7:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _element_count(tensor: onnx.TensorProto) -> int:
    """Return the number of elements in the message; 0 if they are external data."""
    count = 0 if tensor.data_location == onnx.TensorProto.EXTERNAL else 1
    for size in tensor.dims:
        count *= size
    return count
