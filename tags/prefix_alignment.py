"""Align the scopes of a module table with the names in a file.

The model of the file may be a submodule of the table's model, or the other way round: the file has `bert.encoder` and
the table `encoder`. Alignment removes one prefix from the table's scopes and prepends another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

# The maximum number of atoms of a prefix. Not tuned: heads and wrappers of models add one or two names.
MAX_PREFIX_DEPTH = 2


class Prefixes(NamedTuple):
    """The prefix to remove from the scopes of a table and the prefix to prepend; empty for none."""

    strip: str = ""
    prepend: str = ""


def find_prefixes(scopes: Collection[str], names: Collection[str]) -> Prefixes:
    """Return the prefixes under which the most names of the file are scopes of the table.

    The result is empty if the unchanged table matches as many names. It is also empty if several best pairs map the
    names to different scopes: `layers.0` matches `encoder.layers.0` and `decoder.layers.0` equally well. A pair that
    removes a prefix and prepends another must match more than half of the names below the prepended prefix.
    """
    matches: dict[Prefixes, set[tuple[str, str]]] = defaultdict(set)
    prefixes_of: dict[str, list[str]] = defaultdict(list)
    for scope in scopes:
        for strip, rest in _splits(scope):
            prefixes_of[rest].append(strip)
    names_below: dict[str, int] = defaultdict(int)
    for name in names:
        for prepend, rest in _splits(name):
            names_below[prepend] += 1
            for strip in prefixes_of.get(rest, ()):
                matches[Prefixes(strip, prepend)].add((name, f"{strip}.{rest}" if strip else rest))
    matches = {
        pair: matched
        for pair, matched in matches.items()
        if not all(pair) or 2 * len(matched) > names_below[pair.prepend]
    }
    match_count = max(map(len, matches.values()), default=0)
    if match_count == len(matches.get(Prefixes(), ())):
        return Prefixes()
    best = [pair for pair, matched in matches.items() if len(matched) == match_count]
    if any(matches[pair] != matches[best[0]] for pair in best):
        return Prefixes()
    return min(best, key=lambda pair: len(pair.strip) + len(pair.prepend))


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield every split of a name into a prefix of at most MAX_PREFIX_DEPTH atoms and a rest that is not empty."""
    atoms = name.split(".") if name else []
    for length in range(min(MAX_PREFIX_DEPTH + 1, len(atoms))):
        yield ".".join(atoms[:length]), ".".join(atoms[length:])
