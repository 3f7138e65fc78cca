"""Which modules go wrong, if all of them differ a little: those that stand out from their peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from ..tags.scope import is_descendant
from .arithmetic import EXACT, THRESHOLDS_DB

MIN_PEERS = 3
"""With fewer peers, modules that are less alike are peers as well."""

MIN_DROP_DB = 10.0
"""How far below the median of its peers the ratio of a module must be, in decibels. Not tuned."""

_SPREADS = 3.0
"""How many standard deviations of its peers, estimated by their median absolute deviation, it must be below. Usual."""

_DEVIATIONS = 1.4826
"""The standard deviation of a normal distribution by its median absolute deviation."""

ROUNDING_DB = 100.0
"""The ratio from which on a module that computes in the same numbers is right: float32 rounds at about 140 dB. Not
tuned."""

_EQUAL_DB = 200.0
"""Stands for an infinite ratio; the rounding of double precision is at about 320."""

_FIRST_SHARE = 0.5
"""The first module by call order is named of those that stand out by this share of what the farthest does. Not tuned.
"""


@dataclass(frozen=True)
class Candidate:
    """A module, or the nodes that ran in a module itself, by how it computes.

    quality: its local ratio in decibels.
    bar: the ratio from which on it is right, whatever its peers have.
    inner: the names of the modules below it and of its own nodes, as far as they were measured.
    is_whole: whether all of them were.
    """

    name: str
    kind: str | None
    depth: int
    arithmetic: str
    quality: float
    bar: float
    inner: Sequence[str] = ()
    is_whole: bool = True


def outliers(candidates: Sequence[Candidate]) -> dict[str, float]:
    """Return the modules that stand out, in the order of the candidates, with how far they do, in decibels.

    A module whose difference comes from a module within it does not stand out.
    """
    by_name = {candidate.name: candidate for candidate in candidates}
    found: dict[str, float] = {}
    for candidate in candidates:
        if candidate.quality == -math.inf:
            # From finite numbers it makes some that are not, or tensors of other shapes.
            found[candidate.name] = math.inf
            continue
        expected, margin = _expected(candidate, candidates)
        inner = [by_name[name] for name in candidate.inner if name in by_name]
        if inner and candidate.is_whole:
            explained = _sum_of_noise(inner)
            expected, margin = min(expected, explained), max(margin, MIN_DROP_DB)
        drop = expected - _capped(candidate.quality)
        if candidate.quality < candidate.bar and drop > margin:
            found[candidate.name] = drop
    return {name: drop for name, drop in found.items() if not _holds_another(by_name[name], by_name, found)}


def first_outlier(candidates: Sequence[Candidate]) -> str | None:
    """Return the first candidate that stands out about as far as any does; None if none does."""
    found = outliers(candidates)
    farthest = min(max(found.values(), default=0.0), _EQUAL_DB)
    return next((name for name, drop in found.items() if drop >= farthest * _FIRST_SHARE), None)


def _expected(candidate: Candidate, candidates: Sequence[Candidate]) -> tuple[float, float]:
    """Return the ratio that a module should have, and how far below it is too far."""
    like = [
        other
        for other in candidates
        if other.arithmetic == candidate.arithmetic and not _is_related(candidate.name, other.name)
    ]
    if candidate.arithmetic == EXACT:
        ratios = sorted(_capped(other.quality) for other in like)
        if not ratios or ratios[len(ratios) // 4] >= ROUNDING_DB:
            # Most modules compute what they should, so that others like this one are no excuse.
            return median(ratios or [_EQUAL_DB]), MIN_DROP_DB
    alike: tuple[Callable[[Candidate], bool], ...] = (
        lambda other: other.depth == candidate.depth and other.kind is not None and other.kind == candidate.kind,
        # Modules of other classes that lose nothing do not say what this one may lose.
        lambda other: other.depth == candidate.depth and other.quality < _EQUAL_DB,
        lambda other: other.quality < _EQUAL_DB,
    )
    for is_peer in alike:
        peers = [_capped(other.quality) for other in like if is_peer(other)]
        if len(peers) >= MIN_PEERS:
            middle = median(peers)
            spread = _DEVIATIONS * median(abs(ratio - middle) for ratio in peers)
            return middle, max(MIN_DROP_DB, _SPREADS * spread)
    return (ROUNDING_DB if candidate.arithmetic == EXACT else THRESHOLDS_DB[candidate.arithmetic]), MIN_DROP_DB


def _is_related(name: str, other: str) -> bool:
    """Whether one of two modules is within the other, so that both have the same faults."""
    return is_descendant(name, other) or is_descendant(other, name)


def _holds_another(candidate: Candidate, by_name: dict[str, Candidate], found: dict[str, float]) -> bool:
    return any(
        name in found or (name in by_name and _holds_another(by_name[name], by_name, found)) for name in candidate.inner
    )


def _sum_of_noise(candidates: Sequence[Candidate]) -> float:
    noise = sum(10 ** (-_capped(candidate.quality) / 10) for candidate in candidates)
    return -10 * math.log10(noise)


def _capped(ratio: float) -> float:
    return max(-_EQUAL_DB, min(ratio, _EQUAL_DB))
