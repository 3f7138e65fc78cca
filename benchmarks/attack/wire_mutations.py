"""Mutations of a file as protobuf fields: dropped, repeated, retyped, renumbered, moved, of another length or value."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import onnx

from .hostile_text import raw
from .wire_format import FIXED32, FIXED64, LENGTH, VARINT, Field, read_fields, serialize_fields, walk

_NUMBERS = (0, 1, 2, 7, 127, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_HIGHEST_FIELD = 30


def mutate_fields(random: Random, data: bytes) -> bytes:
    """Return `data` with one to four fields changed; `data` itself if it does not parse."""
    fields = _fields(data)
    for _ in range(random.randint(1, 4)):
        places = list(walk(fields))
        if places:
            holder, index = random.choice(places)
            random.choice((_drop, _repeat, _retype, _renumber, _move, _resize, _renumber_value))(random, holder, index)
    return serialize_fields(fields) or data


def mutate_strings(random: Random, data: bytes) -> bytes:
    """Return `data` with one to four strings replaced by others, which may be no UTF-8."""
    fields = _fields(data)
    places = [(holder, index) for holder, index in walk(fields) if holder[index].is_string]
    for holder, index in random.sample(places, k=min(len(places), random.randint(1, 4))):
        old, new = holder[index].value, raw(random)
        # In place of the other strings with this content as well, as a name is read where it is written.
        same = random.random() < 0.5
        for place, at in places if same else [(holder, index)]:
            if place[at].value == old:
                place[at].value = new
    return serialize_fields(fields) or data


def _fields(data: bytes) -> list[Field]:
    try:
        return read_fields(data, onnx.ModelProto.DESCRIPTOR)
    except (IndexError, ValueError):
        return []


def _drop(_random: Random, holder: list[Field], index: int) -> None:
    del holder[index]


def _repeat(random: Random, holder: list[Field], index: int) -> None:
    holder[index:index] = [deepcopy(holder[index]) for _ in range(random.choice((1, 1, 2, 20)))]


def _retype(random: Random, holder: list[Field], index: int) -> None:
    holder[index].wire_type = random.choice((VARINT, FIXED64, LENGTH, FIXED32))


def _renumber(random: Random, holder: list[Field], index: int) -> None:
    holder[index].number = random.randint(1, _HIGHEST_FIELD)


def _move(random: Random, holder: list[Field], index: int) -> None:
    holder.insert(random.randint(0, len(holder) - 1), holder.pop(index))


def _resize(random: Random, holder: list[Field], index: int) -> None:
    holder[index].excess = random.choice((-2, -1, 1, 2, 100, 1 << 30))


def _renumber_value(random: Random, holder: list[Field], index: int) -> None:
    if holder[index].wire_type == VARINT:
        holder[index].value = random.choice(_NUMBERS)
    elif holder[index].wire_type == LENGTH and holder[index].fields is None:
        holder[index].value = raw(random)
