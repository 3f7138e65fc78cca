"""Encodings of a message that protobuf reads but never writes: in another order, in parts, repeated, padded."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from .wire_format import FIXED32, FIXED64, LENGTH, VARINT

_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
# Unknown fields: a text, a number, a group.
_UNKNOWN = (b"\xc2\x3e\x05hello", b"\xb8\x3e\x07", b"\xbb\x3e\xbc\x3e")
# Bytes that make a varint longer than it needs to be. Protobuf refuses more than 3 in a tag or a length.
_PADDING = (*[0] * 300, *[1, 2, 3] * 10, 4, 9)


def encode_oddly(random: Random, data: bytes) -> bytes:
    """Return another encoding of a serialised message. Parts that are no messages may be changed."""
    fields = list(_fields(random, data))
    if random.random() < 0.2:
        random.shuffle(fields)
    if fields and random.random() < 0.1:
        fields.insert(random.randrange(len(fields)), random.choice(fields))
    if random.random() < 0.1:
        fields.insert(0, random.choice(_UNKNOWN))
    return b"".join(fields)


def varint(value: int, padding: int = 0) -> bytes:
    """Return a number as a varint with more bytes than it needs."""
    encoded = bytearray()
    while value >> 7:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    for _ in range(padding):
        encoded[-1] |= 0x80
        encoded.append(0)
    return bytes(encoded)


def field(number: int, content: bytes, padding: int = 0) -> bytes:
    """Return a field of wire type 2 whose tag and length have more bytes than they need."""
    return varint(number << 3 | LENGTH, padding) + varint(len(content), padding) + content


def _fields(random: Random, data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        start = position
        try:
            tag, position = _read_varint(data, position)
            if tag & 7 == LENGTH:
                length, position = _read_varint(data, position)
                content = data[position : position + length]
                position += length
                # Whether it is a message is not known.
                if random.random() < 0.9:
                    content = encode_oddly(random, content)
                yield field(tag >> 3, content, random.choice(_PADDING))
                continue
            if tag & 7 == VARINT:
                position = _read_varint(data, position)[1]
            else:
                position += _FIXED_BYTES.get(tag & 7, 1)
        except IndexError:
            position = len(data)
        yield data[start:position]


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[position] & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if data[position - 1] < 0x80:
            return value, position
