"""Values of tensors that stay in the model file. The message has a short placeholder for each of them.

A message with placeholders can be copied, edited and compared like any other. When it is written, the ranges of the
file take the places of the placeholders.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeVar, cast

import onnx
from google.protobuf.message import Message

from .source_file import SourceFile
from .wire import Field, Piece, Range, Schema, byte_count, replace

# The fields with values of tensors, and the sizes of their elements in bytes. Integers are not among them: their
# encoding is not unique, so that only protobuf can say which values they are.
_CONTENTS = {
    ("onnx.TensorProto", "raw_data"): 1,
    ("onnx.TensorProto", "float_data"): 4,
    ("onnx.TensorProto", "double_data"): 8,
    ("onnx.TensorProto", "string_data"): 1,
}
_SCHEMA = Schema(onnx.ModelProto(), _CONTENTS)
_MIN_BYTES = 1025
# Scanning takes about 1 µs per field. A model with more fields at the places of nodes is parsed.
_MAX_FIELDS = 1 << 22
# A placeholder is a mark, which no file can contain because it is random, and a number. It is a valid content of every
# field above: all its bytes are ASCII, and its length is a multiple of the sizes.
_MARK_BYTES, _NUMBER_BYTES = 16, 8
_PLACEHOLDER_BYTES = _MARK_BYTES + _NUMBER_BYTES


_AnyMessage = TypeVar("_AnyMessage", bound=Message)


class Placeholders:
    """The placeholders of one model file. `skeleton_size` is the size of the file with them, in bytes."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._mark = secrets.token_hex(_MARK_BYTES // 2).encode()
        self._ranges: list[Range] = []
        fields = _SCHEMA.scan(
            onnx.ModelProto(), file.read, file.size, lambda start, end: end - start >= _MIN_BYTES, _MAX_FIELDS
        )
        self._pieces = replace(fields, 0, file.size, Range, self._add)
        self.skeleton_size = sum(map(byte_count, self._pieces))

    def __len__(self) -> int:
        return len(self._ranges)

    def skeleton(self) -> bytes:
        """Return the model with its placeholders. Raises HpassError if the file has changed."""
        data = b"".join(self.file.blocks(self._pieces))
        if data.count(self._mark) != len(self):
            raise AssertionError(f"{self.file.path}: a placeholder is also in the file; this is a bug in hpass")
        return data

    def pieces(self, message: Message) -> list[Piece]:
        """Serialise a message of any type, with the ranges of the file for placeholders.

        Raises ValueError or EncodeError if the message with placeholders needs 2 GiB or more.
        """
        data = message.SerializeToString()
        found = list(self._positions(data))
        if not found:
            return [data]
        replaced: list[Piece] = []

        def original(field: Field) -> Range:
            number = int(data[field.start + _MARK_BYTES : field.end], 16)
            replaced.append(self._ranges[number])
            return self._ranges[number]

        fields = _SCHEMA.scan(
            message,
            lambda start, end: data[start:end],
            len(data),
            lambda start, end: bisect_left(found, start) < bisect_left(found, end),
            max_fields=len(data),
        )
        pieces = replace(fields, 0, len(data), lambda start, end: data[start:end], original)
        if len(replaced) != len(found):
            raise AssertionError(f"{self.file.path}: a placeholder is not where a value can be; this is a bug in hpass")
        return pieces

    def complete(self, message: Message) -> None:
        """Replace the placeholders in the tensors of a message, in place, by the original values."""
        if self._mark not in message.SerializeToString():
            return
        for tensor in all_tensors_of(message):
            if self._mark in tensor.SerializeToString():
                tensor.ParseFromString(b"".join(self.file.blocks(self.pieces(tensor))))

    def completed(self, message: _AnyMessage) -> _AnyMessage:
        """Return a message with the original values: a copy if it has placeholders."""
        if self._mark not in message.SerializeToString():
            return message
        copy = type(message)()
        copy.CopyFrom(message)
        self.complete(copy)
        return copy

    def raw_range(self, tensor: onnx.TensorProto) -> Range | None:
        """Return the range of the file with the raw data of a tensor; None if the data is in the message."""
        data = tensor.raw_data
        if len(data) != _PLACEHOLDER_BYTES or not data.startswith(self._mark):
            return None
        return self._ranges[int(data[_MARK_BYTES:], 16)]

    def __deepcopy__(self, _: object) -> Placeholders:
        # It is immutable, and passes may copy a graph with all that its tensors need.
        return self

    def _add(self, field: Field) -> bytes:
        number = len(self._ranges)
        self._ranges.append(Range(field.start, field.end))
        return self._mark + f"{number:0{_NUMBER_BYTES}x}".encode()

    def _positions(self, data: bytes) -> Iterator[int]:
        position = data.find(self._mark)
        while position >= 0:
            yield position
            position = data.find(self._mark, position + _PLACEHOLDER_BYTES)


def all_tensors_of(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield every tensor in a message, wherever it is."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if _SCHEMA.leads_on(message, field.number):
            for inner in value if hasattr(value, "add") else (value,):
                yield from all_tensors_of(cast("Message", inner))
