"""Read a serialised protobuf message without its schema; find large fields in it, and replace their contents.

https://protobuf.dev/programming-guides/encoding describes the format. A field consists of a tag, which is its number
and its wire type, and of its content; a length precedes a content of wire type 2. The scanner reads tags and lengths
and skips contents. It finds nothing in a message that holds anything unusual, so that protobuf decides what that means.
Nothing of protobuf is imported here: it takes longer than to read a small model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

Read = Callable[[int, int], bytes]
"""Returns the bytes from a start to an end. Both are in the data."""

Wanted = Callable[[int, int], bool]
"""Whether the content from a start to an end is to be found, or contains one that is."""

FieldPlace = tuple[int, int, int, int, int]
"""The number and the wire type of a field, the end of its tag, and the start and the end of its content."""

_VARINT, _FIXED64, _LENGTH_DELIMITED, _GROUP_START, _GROUP_END, _FIXED32 = range(6)
_CONTENT_BYTES = {_FIXED64: 8, _FIXED32: 4, _GROUP_START: 0, _GROUP_END: 0}
# Protobuf reads no longer tags and lengths.
_MAX_HEADER_BYTES, _MAX_VARINT_BYTES = 5, 10
_MAX_TAG = 2**32 - 1
_ONE_BYTE = [bytes([value]) for value in range(0x80)]
# Protobuf reads no deeper messages.
_MAX_DEPTH = 100
# Bytes that are read at once. Not tuned.
_WINDOW_BYTES = 1 << 13


class Field(NamedTuple):
    """A field of wire type 2: where its length is, and where its content starts and ends.

    If `inner` is empty, the content is wanted. Otherwise the content is a message with these fields.
    """

    length_at: int
    start: int
    end: int
    inner: tuple[Field, ...] = ()


class Range(NamedTuple):
    """Bytes of a file from `start` to `end`."""

    start: int
    end: int


Piece = bytes | Range
"""A part of serialised data: the bytes, or the range of a file that contains them."""


def byte_count(piece: Piece) -> int:
    """Return the number of bytes of a piece."""
    return piece.end - piece.start if isinstance(piece, Range) else len(piece)


class UnusualError(Exception):
    """A message cannot be read without protobuf, which may still be able to parse it."""


class _TooManyFieldsError(Exception):
    """Scanning would take longer than parsing."""


class _Target(NamedTuple):
    """A field that is scanned: its message type, or the size of an element if its content may be wanted itself."""

    message: str | None
    element_bytes: int
    may_repeat: bool


class Schema:
    """The fields to find in messages of the type of `root` and in the messages within.

    `contents` maps the fields to find, by the full name of their message and their own, to the size of their elements
    in bytes. A repeated field of numbers is found if it is packed.
    """

    def __init__(self, root: Message, contents: Mapping[tuple[str, str], int]) -> None:
        self._targets = _targets(root, contents)

    def leads_on(self, message: Message, number: int) -> bool:
        """Whether a field of a message is to be found, or is a message that may contain such a field."""
        return number in self._targets[message.DESCRIPTOR.full_name]

    def scan(self, message: Message, read: Read, size: int, wanted: Wanted, max_fields: int) -> tuple[Field, ...]:
        """Return what is wanted in `size` bytes of a message with the type of `message`, in order.

        Nothing is returned of a message that is malformed or unusual, and nothing at all if there are more than
        `max_fields` fields to look at.
        """
        try:
            return _Scan(self._targets, read, wanted, max_fields).scan(message.DESCRIPTOR.full_name, 0, size)
        except _TooManyFieldsError:
            return ()


class _Scan:
    def __init__(
        self, targets: Mapping[str, Mapping[int, _Target]], read: Read, wanted: Wanted, max_fields: int
    ) -> None:
        self._targets = targets
        self._read = read
        self._wanted = wanted
        self._fields_left = max_fields

    def scan(self, message: str, start: int, end: int, depth: int = 0) -> tuple[Field, ...]:
        try:
            return tuple(self._find(message, start, end, depth))
        except UnusualError:
            return ()

    def _find(self, message: str, start: int, end: int, depth: int) -> Iterator[Field]:
        targets = self._targets[message]
        seen: set[int] = set()
        for number, wire_type, tag_end, content_start, content_end in _outside_groups(
            field_places(self._read, start, end)
        ):
            self._fields_left -= 1
            if self._fields_left < 0:
                raise _TooManyFieldsError
            target = targets.get(number)
            # A field of another wire type is unknown to protobuf. Numbers may be there one by one.
            if target is None or (
                wire_type != _LENGTH_DELIMITED and _CONTENT_BYTES.get(wire_type) != target.element_bytes
            ):
                continue
            # Of what may not repeat protobuf merges messages, joins numbers, and takes the last of other contents.
            if number in seen and not target.may_repeat:
                raise UnusualError
            seen.add(number)
            if wire_type == _LENGTH_DELIMITED and self._wanted(content_start, content_end):
                yield from self._field(target, tag_end, content_start, content_end, depth)

    def _field(self, target: _Target, length_at: int, start: int, end: int, depth: int) -> Iterator[Field]:
        if target.message is None:
            if (end - start) % target.element_bytes:
                raise UnusualError
            yield Field(length_at, start, end)
        elif depth < _MAX_DEPTH and (inner := self.scan(target.message, start, end, depth + 1)):
            yield Field(length_at, start, end, inner)


def replace(
    fields: tuple[Field, ...], start: int, end: int, keep: Callable[[int, int], Piece], new: Callable[[Field], Piece]
) -> list[Piece]:
    """Return a message from `start` to `end` with other contents of fields, and with the lengths that follow from them.

    `keep` returns a part that stays, and `new` the content of a field.
    """
    pieces: list[Piece] = []
    position = start
    for field in fields:
        content = replace(field.inner, field.start, field.end, keep, new) if field.inner else [new(field)]
        pieces += [keep(position, field.length_at), _as_varint(sum(map(byte_count, content))), *content]
        position = field.end
    pieces.append(keep(position, end))
    return pieces


def _targets(root: Message, contents: Mapping[tuple[str, str], int]) -> dict[str, dict[int, _Target]]:
    """Return the fields to scan by message and number: those of `contents`, and the messages that may contain them."""
    messages: dict[str, Descriptor] = {}
    pending = [cast("Descriptor", root.DESCRIPTOR)]
    while pending:
        message = pending.pop()
        if message.full_name not in messages:
            messages[message.full_name] = message
            pending += [field.message_type for field in message.fields if field.message_type is not None]
    targets: dict[str, dict[int, _Target]] = {name: {} for name in messages}
    for message, name in contents:
        if message in messages:
            field = messages[message].fields_by_name[name]
            may_repeat = _is_repeated(field) and field.type == field.TYPE_BYTES
            targets[message][field.number] = _Target(None, contents[message, name], may_repeat)
    growing = True
    while growing:
        before = sum(map(len, targets.values()))
        for name, message in messages.items():
            for field in message.fields:
                inner = field.message_type
                if inner is not None and targets[inner.full_name]:
                    targets[name][field.number] = _Target(inner.full_name, 1, _is_repeated(field))
        growing = sum(map(len, targets.values())) > before
    return targets


def _is_repeated(field: FieldDescriptor) -> bool:
    # Protobuf has renamed the attribute that says so.
    return field.default_value == []


def _outside_groups(fields: Iterable[FieldPlace]) -> Iterator[FieldPlace]:
    """Yield the fields that are in no group: ONNX has no groups. Raises UnusualError if a group does not end."""
    groups: list[int] = []
    for field in fields:
        number, wire_type, *_ = field
        if wire_type == _GROUP_START:
            groups.append(number)
        elif wire_type == _GROUP_END:
            if not groups or groups.pop() != number:
                raise UnusualError
        elif not groups:
            yield field
    if groups:
        raise UnusualError


def contents(data: bytes) -> defaultdict[int, list[bytes]]:
    """Return the contents of the fields of a message by tag, in order.

    Raises UnusualError if the message is malformed or has groups.
    """
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at, _MAX_HEADER_BYTES)
        wire_type = tag & 7
        length = 0
        if wire_type == _LENGTH_DELIMITED:
            length, at = _read_varint(data, at, _MAX_HEADER_BYTES)
        elif wire_type == _VARINT:
            length = _read_varint(data, at, _MAX_VARINT_BYTES)[1] - at
        elif wire_type in (_FIXED64, _FIXED32):
            length = _CONTENT_BYTES[wire_type]
        else:
            raise UnusualError
        if not tag >> 3 or tag > _MAX_TAG or at + length > end:
            raise UnusualError
        found[tag].append(data[at : at + length])
        at += length
    return found


def length_delimited(number: int, content: bytes) -> bytes:
    """Return a field whose content has a length."""
    return _as_varint(number << 3 | _LENGTH_DELIMITED) + _as_varint(len(content)) + content


def field_places(read: Read, start: int, end: int) -> Iterator[FieldPlace]:
    """Yield all fields of a message. Raises UnusualError if it is malformed."""
    position = base = start
    window = b""
    while position < end:
        at = position - base
        if at + _MAX_HEADER_BYTES + _MAX_VARINT_BYTES > len(window) and base + len(window) < end:
            window = read(position, min(position + _WINDOW_BYTES, end))
            base, at = position, 0
        tag, at = _read_varint(window, at, _MAX_HEADER_BYTES)
        number, wire_type = tag >> 3, tag & 7
        if not number or tag > _MAX_TAG:
            raise UnusualError
        tag_end = content = base + at
        if wire_type == _LENGTH_DELIMITED:
            length, at = _read_varint(window, at, _MAX_HEADER_BYTES)
            content = base + at
            position = content + length
        elif wire_type == _VARINT:
            position = base + _read_varint(window, at, _MAX_VARINT_BYTES)[1]
        elif wire_type in _CONTENT_BYTES:
            position = content + _CONTENT_BYTES[wire_type]
        else:
            raise UnusualError
        if position > end:
            raise UnusualError
        yield number, wire_type, tag_end, content, position


def _read_varint(data: bytes, at: int, max_bytes: int) -> tuple[int, int]:
    """Return a varint and the position behind it. A varint has seven bits per byte, the lowest first."""
    if at < len(data) and data[at] < 0x80:  # noqa: PLR2004 - as below; most varints have one byte
        return data[at], at + 1
    value = 0
    for shift, byte in enumerate(data[at : at + max_bytes]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that another byte follows
            return value, at + shift + 1
    raise UnusualError


def _as_varint(value: int) -> bytes:
    if value < 0x80:  # noqa: PLR2004 - as in `_read_varint`
        return _ONE_BYTE[value]
    encoded = bytearray()
    while value >> 7:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
