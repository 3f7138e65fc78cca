"""The fields of a serialised protobuf message as a tree that can be changed and serialised again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


@dataclass
class Field:
    """A field: its number, its wire type, and its value or, for a message, its fields.

    `excess` is added to the length that is written, which makes the field malformed. `is_string` says whether the
    schema has text here.
    """

    number: int
    wire_type: int
    value: int | bytes = b""
    fields: list[Field] | None = None
    excess: int = 0
    is_string: bool = False


@dataclass
class _Reader:
    data: bytes
    position: int = field(default=0)

    def varint(self) -> int:
        result = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def take(self, length: int) -> bytes:
        taken = self.data[self.position : self.position + length]
        if len(taken) < length:
            raise IndexError("cut off")
        self.position += length
        return taken


def read_fields(data: bytes, descriptor: Any) -> list[Field]:
    """Return the fields of a message with this descriptor. Raises IndexError or ValueError if they do not parse."""
    reader = _Reader(data)
    fields = list[Field]()
    while reader.position < len(data):
        key = reader.varint()
        number, wire_type = key >> 3, key & 7
        found = Field(number, wire_type)
        if wire_type == VARINT:
            found.value = reader.varint()
        elif wire_type == LENGTH:
            found.value = content = reader.take(reader.varint())
            schema = descriptor.fields_by_number.get(number)
            if schema is not None:
                found.is_string = schema.type == schema.TYPE_STRING
                found.fields = read_fields(content, schema.message_type) if schema.message_type else None
        elif wire_type in _FIXED:
            found.value = reader.take(_FIXED[wire_type])
        else:
            raise ValueError(f"wire type {wire_type}")
        fields.append(found)
    return fields


def serialize_fields(fields: list[Field]) -> bytes:
    """Return the bytes of the fields."""
    return b"".join(_serialize(item) for item in fields)


def walk(fields: list[Field]) -> Iterator[tuple[list[Field], int]]:
    """Yield the place of every field at any depth: the list that has it, and its index."""
    for index, item in enumerate(fields):
        yield fields, index
        if item.fields is not None:
            yield from walk(item.fields)


def _serialize(item: Field) -> bytes:
    key = _varint(item.number << 3 | item.wire_type)
    if item.wire_type == VARINT:
        return key + _varint(item.value if isinstance(item.value, int) else len(item.value))
    content = item.value if item.fields is None else serialize_fields(item.fields)
    content = _varint(content) if isinstance(content, int) else content
    if item.wire_type in _FIXED:
        return key + content.ljust(_FIXED[item.wire_type], b"\0")[: _FIXED[item.wire_type]]
    return key + _varint(max(0, len(content) + item.excess)) + content


def _varint(number: int) -> bytes:
    written = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
