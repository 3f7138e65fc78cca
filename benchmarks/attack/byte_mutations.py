"""Mutations of a file as bytes: flips, cuts, splices."""

from __future__ import annotations

from random import Random


def mutate_bytes(random: Random, data: bytes, other: bytes) -> bytes:
    """Return `data` with one to four mutations; `other` is spliced in."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        random.choice((_flip, _overwrite, _cut, _truncate, _repeat))(random, changed)
    return _splice(random, bytes(changed), other) if random.random() < 0.2 else bytes(changed)


def _flip(random: Random, data: bytearray) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _overwrite(random: Random, data: bytearray) -> None:
    start, end = _range(random, data, 8)
    data[start:end] = random.randbytes(end - start)


def _cut(random: Random, data: bytearray) -> None:
    start, end = _range(random, data, 64)
    del data[start:end]


def _truncate(random: Random, data: bytearray) -> None:
    if random.random() < 0.3:
        del data[random.randint(0, len(data)) :]


def _repeat(random: Random, data: bytearray) -> None:
    start, end = _range(random, data, 64)
    data[end:end] = data[start:end]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _range(random: Random, data: bytearray, longest: int) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.randint(1, longest))
