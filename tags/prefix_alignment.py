"""Where the root of a file's model lies in a module table, and the table's root in the file.

A file may hold `bert.encoder` where the table says `encoder`, or the other way round, or `model.encoder`: one prefix is
taken off the table's names and another put before them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

# How deep below its own root either may hold the root of the other.
MAX_PREFIX_DEPTH = 2


class Prefixes(NamedTuple):
    """What goes off the names of a table, and what goes before them, to make them the file's."""

    strip: str = ""
    prepend: str = ""


def alignment(scopes: Collection[str], names: Collection[str]) -> Prefixes:
    """Return the prefixes under which most names of the file are scopes of the table.

    Nothing is changed unless that finds more names than the table as it is. Nor is anything where several ways of the
    same merit take the names for different scopes: `layers.0` says nothing of a table with `encoder.layers.0` and
    `decoder.layers.0`. To take a prefix off and to put another before is believed only if it explains most names there.
    """
    found: dict[Prefixes, set[tuple[str, str]]] = defaultdict(set)
    offs: dict[str, list[str]] = defaultdict(list)
    for scope in scopes:
        for off, rest in _splits(scope):
            offs[rest].append(off)
    below: dict[str, int] = defaultdict(int)
    for name in names:
        for on, rest in _splits(name):
            below[on] += 1
            for off in offs.get(rest, ()):
                found[Prefixes(off, on)].add((name, f"{off}.{rest}" if off else rest))
    found = {way: pairs for way, pairs in found.items() if not all(way) or 2 * len(pairs) > below[way.prepend]}
    most = max(map(len, found.values()), default=0)
    if most == len(found.get(Prefixes(), ())):
        return Prefixes()
    best = [way for way, pairs in found.items() if len(pairs) == most]
    if any(found[way] != found[best[0]] for way in best):
        return Prefixes()
    return min(best, key=lambda way: len(way.strip) + len(way.prepend))


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield a name as prefix and rest, for no prefix and for each short one; there is always a rest."""
    atoms = name.split(".") if name else []
    for length in range(min(MAX_PREFIX_DEPTH + 1, len(atoms))):
        yield ".".join(atoms[:length]), ".".join(atoms[length:])
