"""Check the fields that the reader of stored tags skips: protobuf refuses a file if one is malformed.

The tables are parts of onnx.proto, which is not imported here: it takes longer than to read a small model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .wire import UnusualError, contents

_ENTRY, _VALUE = "StringStringEntryProto", "ValueInfoProto"
# The types of messages in skipped fields, by the message that has the field and its number.
MESSAGES: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {8: "OperatorSetIdProto", 26: "DeviceConfigurationProto"},
    "GraphProto": {11: _VALUE, 12: _VALUE, 13: _VALUE, 14: "TensorAnnotation", 16: _ENTRY},
    "FunctionProto": {9: "OperatorSetIdProto", 12: _VALUE, 14: _ENTRY},
    "NodeProto": {10: "NodeDeviceConfigurationProto"},
    "AttributeProto": {14: "TypeProto", 15: "TypeProto"},
    "TensorProto": {3: "TensorProto.Segment", 16: _ENTRY},
    "ValueInfoProto": {2: "TypeProto", 4: _ENTRY},
    "TypeProto": {
        1: "TypeProto.Tensor",
        4: "TypeProto.Sequence",
        5: "TypeProto.Map",
        7: "TypeProto.Opaque",
        8: "TypeProto.SparseTensor",
        9: "TypeProto.Optional",
    },
    "TypeProto.Tensor": {2: "TensorShapeProto"},
    "TypeProto.SparseTensor": {2: "TensorShapeProto"},
    "TypeProto.Sequence": {1: "TypeProto"},
    "TypeProto.Optional": {1: "TypeProto"},
    "TypeProto.Map": {2: "TypeProto"},
    "TensorShapeProto": {1: "TensorShapeProto.Dimension"},
    "TensorAnnotation": {2: _ENTRY},
    "NodeDeviceConfigurationProto": {2: "ShardingSpecProto"},
    "ShardingSpecProto": {3: "IntIntListEntryProto", 4: "ShardedDimProto"},
    "ShardedDimProto": {2: "SimpleShardedDimProto"},
}
# Repeated numbers, which one field may hold together: the bytes of each, 0 if they vary.
NUMBERS: Mapping[str, Mapping[int, int]] = {
    "AttributeProto": {7: 4, 8: 0},
    "TensorProto": {1: 0, 4: 4, 5: 0, 7: 0, 10: 8, 11: 0},
    "SparseTensorProto": {3: 0},
    "ShardingSpecProto": {2: 0},
    "IntIntListEntryProto": {2: 0},
}
# A number ends with the first byte below 0x80, and has at most 10 bytes.
_MALFORMED_NUMBERS = re.compile(rb"[\x80-\xff]{10}|[\x80-\xff]\Z")
MAX_DEPTH = 10
"""The levels of messages that are read. More are unusual."""


def check_skipped_fields(message: str, fields: Mapping[int, Iterable[bytes]], depth: int = 0) -> None:
    """Check what is skipped of a message, given by tag. Raises UnusualError if it is malformed or unusual."""
    for number, inner in MESSAGES.get(message, {}).items():
        for data in fields.get(_tag(number), ()):
            _check_message(inner, data, depth)
    for number, element_bytes in NUMBERS.get(message, {}).items():
        for data in fields.get(_tag(number), ()):
            if len(data) % element_bytes if element_bytes else _MALFORMED_NUMBERS.search(data):
                raise UnusualError


# Cached, because many values have the same type.
@lru_cache(maxsize=65536)
def _check_message(message: str, data: bytes, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise UnusualError
    check_skipped_fields(message, contents(data), depth + 1)


def _tag(number: int) -> int:
    """Return the tag of a field whose content has a length."""
    return number << 3 | 2
