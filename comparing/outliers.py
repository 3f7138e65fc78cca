"""Which module goes wrong, if all of them differ a little: the one that stands out from its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

MIN_PEERS = 3
"""With fewer peers of the same class, all modules of the level are peers."""

MIN_DROP_DB = 10.0
"""How far below the median of its peers a module must be, in decibels. Not tuned."""

_EQUAL_DB = 200.0
"""Stands for an infinite ratio; the rounding of double precision is at about 320."""


def first_outlier(order: Sequence[str], quality: Mapping[str, float], kinds: Mapping[str, str | None]) -> str | None:
    """Return the first module, in call order, whose local quality in decibels is far below that of its peers.

    `kinds` are the classes. A module alone has no peers, and equal computation is what is expected of it.
    """
    for module in order:
        if module not in quality:
            continue
        others = [name for name in order if name != module and name in quality]
        peers = [name for name in others if kinds.get(name) is not None and kinds.get(name) == kinds.get(module)]
        if len(peers) < MIN_PEERS:
            peers = others
        expected = median(min(quality[name], _EQUAL_DB) for name in peers) if peers else _EQUAL_DB
        if quality[module] < expected - MIN_DROP_DB:
            return module
    return None
