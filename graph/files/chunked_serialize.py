"""A model's bytes in pieces: the weights one by one, so that no copy of all of them is made at once.

Message.SerializeToString of 440 MB takes several times its size in fresh memory, which costs more than writing it.
https://protobuf.dev/programming-guides/encoding describes the format: a field is its number and wire type, here always
2 (a length follows), then the length, then the content; protobuf writes fields in the order of their numbers.
"""

from __future__ import annotations

from typing import Any

import onnx
from google.protobuf.unknown_fields import UnknownFieldSet

# Below this many elements of weights the plain way is as fast.
_MAX_PIECES = 1 << 24
_LENGTH_DELIMITED = 2


def chunks(model: onnx.ModelProto) -> list[bytes]:
    """Return what `model.SerializeToString()` returns, cut into pieces. Raises as that does."""
    graph = model.graph
    if sum(map(_elements, graph.initializer)) < _MAX_PIECES or UnknownFieldSet(model) or UnknownFieldSet(graph):
        return [model.SerializeToString()]
    try:
        before, after = _around(model, "graph")
        inner, rest = _around(graph, "initializer")
    except UnicodeDecodeError:
        # A name that is no UTF-8 can be read and copied along, not set.
        return [model.SerializeToString()]
    parts = [inner]
    for tensor in graph.initializer:
        data = tensor.SerializeToString()
        parts += [_header(graph, "initializer", len(data)), data]
    parts.append(rest)
    return [before, _header(model, "graph", sum(map(len, parts))), *parts, after]


def _around(message: Any, name: str) -> tuple[bytes, bytes]:
    """Return the bytes of the fields before and after one."""
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
    """Return an integer in groups of seven bits, the lowest first; all but the last have the eighth bit set."""
    encoded = bytearray()
    while value >> 7:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _elements(tensor: onnx.TensorProto) -> int:
    """Return how many elements lie inside the message; external ones do not."""
    count = 0 if tensor.data_location == onnx.TensorProto.EXTERNAL else 1
    for size in tensor.dims:
        count *= size
    return count
