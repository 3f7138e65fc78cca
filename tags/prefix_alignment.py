"""Align the scopes of a module table with the names in a file.

The model of the file may be a submodule of the table's model, or the other way round: the file has `bert.encoder` and
the table `encoder`. Alignment removes one prefix from the table's scopes and prepends another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

# The maximum number of atoms of a prefix. Not tuned: heads and wrappers of models add one or two names.
MAX_PREFIX_DEPTH = 2
# The maximum number of prefixes that a rest suggests for removal together with another prefix to prepend, and the
# maximum number that are tried for one prefix to prepend. Not tuned; without this bound the time is quadratic. 6,792
# alignments of the tables of real models come out the same with and without it.
_MAX_SUGGESTIONS = 16


class Prefixes(NamedTuple):
    """The prefix to remove from the scopes of a table and the prefix to prepend; empty for none."""

    strip: str = ""
    prepend: str = ""


_Rests = Mapping[str, set[str]]
"""For each prefix the rests of the names that begin with it."""


def find_prefixes(scopes: Collection[str], names: Collection[str]) -> Prefixes:
    """Return the prefixes under which the most names of the file are scopes of the table.

    The result is empty if the unchanged table matches as many names. It is also empty if several best pairs map the
    names to different scopes: `layers.0` matches `encoder.layers.0` and `decoder.layers.0` equally well. A pair that
    removes a prefix and prepends another must match more than half of the names below the prepended prefix.
    """
    scope_rests, name_rests = _rests(scopes), _rests(names)
    matches = {pair: name_rests[pair.prepend] & scope_rests[pair.strip] for pair in _pairs(scope_rests, name_rests)}
    counts = {
        pair: len(matched)
        for pair, matched in matches.items()
        if not all(pair) or 2 * len(matched) > len(name_rests[pair.prepend])
    }
    match_count = max(counts.values(), default=0)
    if match_count == counts.get(Prefixes(), 0):
        return Prefixes()
    best = [pair for pair, count in counts.items() if count == match_count]
    mapping = _mapping(best[0], matches[best[0]])
    if any(_mapping(pair, matches[pair]) != mapping for pair in best):
        return Prefixes()
    return min(best, key=lambda pair: len(pair.strip) + len(pair.prepend))


def _pairs(scope_rests: _Rests, name_rests: _Rests) -> Iterator[Prefixes]:
    """Yield the pairs that may match: all with one prefix, and of those with two the ones that rests suggest."""
    if "" not in scope_rests or "" not in name_rests:
        return
    yield from (Prefixes(strip=strip) for strip in scope_rests)
    yield from (Prefixes(prepend=prepend) for prepend in name_rests if prepend)
    strips: dict[str, list[str]] = defaultdict(list)
    for strip, rests in scope_rests.items():
        for rest in rests if strip else ():
            strips[rest].append(strip)
    suggested = {rest: found for rest, found in strips.items() if len(found) <= _MAX_SUGGESTIONS}
    for prepend, rests in name_rests.items():
        if prepend:
            votes = Counter(strip for rest in rests for strip in suggested.get(rest, ()))
            yield from (Prefixes(strip, prepend) for strip, _ in votes.most_common(_MAX_SUGGESTIONS))


def _mapping(pair: Prefixes, rests: set[str]) -> set[tuple[str, str]]:
    """Return the names that a pair matches, each with its scope."""
    return {(_joined(pair.prepend, rest), _joined(pair.strip, rest)) for rest in rests}


def _joined(prefix: str, rest: str) -> str:
    return f"{prefix}.{rest}" if prefix else rest


def _rests(names: Collection[str]) -> _Rests:
    """Split every name into a prefix of at most MAX_PREFIX_DEPTH atoms and a rest that is not empty, in all ways."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in names:
        atoms = name.split(".", MAX_PREFIX_DEPTH) if name else []
        for length in range(len(atoms)):
            found[".".join(atoms[:length])].add(".".join(atoms[length:]))
    return found
