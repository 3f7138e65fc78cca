"""What names say is the same in a model and its reference.

Optimisers keep the names of most values. A node that writes a value of the same name with the same operator was kept;
one with another operator took the place of others, though the value is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from .match import Match

# Exporters number values (`val_12`), so that in models of different versions the same name means another value. Of the
# values that readers of known weights write, at most so many may be others in the reference, for each that is the same.
_BROKEN = 0.3
# At most so many nodes are looked at that may have become one.
_FUSED = 64


def match_values(match: Match, weights: Mapping[str, str]) -> None:
    """Match values by their names, and the nodes that write them; `weights` are constants of other names."""
    old, new, values = match.old, match.new, match.values
    values.update({name: name for name in new.given & old.given})
    values.update({name: name for name in new.constants & old.constants})
    values.update({name: weights[name] for name in new.constants & weights.keys()})
    written = {name: (index, old.writer[name]) for name, index in new.writer.items() if name in old.writer}
    alike = {name: pair for name, pair in written.items() if match.is_alike(*pair)}
    if not _names_hold(match):
        # What reads a weight of the same name is the same all the same.
        written = alike = {name: pair for name, pair in alike.items() if _read_same_weight(match, *pair)}
    values.update({name: name for name in written})
    for index, twin in alike.values():
        match.nodes.setdefault(index, twin)


def match_node_names(match: Match, settled: Collection[int]) -> None:
    """Match nodes whose values were renamed by their own names, where those are unique; `settled` ones are left out."""
    old, new = match.old, match.new
    counts = Counter(node.name for node in old.nodes)
    known = {node.name: index for index, node in enumerate(old.nodes) if node.name and counts[node.name] == 1}
    taken = set(match.nodes.values())
    for index, node in enumerate(new.nodes):
        twin = known.get(node.name)
        if twin is None or twin in taken or index in match.nodes or index in settled:
            continue
        renamed = all(name not in match.values and name not in old.writer for name in new.writes[index])
        if renamed and match.is_alike(index, twin) and match.agreement(index, twin) > 0:
            taken.add(twin)
            match.pair(index, twin)


def _names_hold(match: Match) -> bool:
    """Whether the readers of weights that are the same write values that are the same, by their names."""
    held = broken = 0
    for name, known in match.values.items():
        if name not in match.new.constants:
            continue
        reached = _replaced_from(match, {use.node for use in match.old.readers[known]})
        for use in match.new.readers[name]:
            for value in match.new.writes[use.node]:
                if value in match.old.writer:
                    held += match.old.writer[value] in reached
                    broken += match.old.writer[value] not in reached
    return broken <= _BROKEN * held


def _replaced_from(match: Match, nodes: set[int]) -> set[int]:
    """Return old nodes with those that they lead to through values that are gone: what may be one node now."""
    reached, pending = set(nodes), list(nodes)
    while pending and len(reached) < _FUSED:
        lost = (value for value in match.old.writes[pending.pop()] if value not in match.new.writer)
        fresh = {use.node for value in lost for use in match.old.readers.get(value, ())} - reached
        reached |= fresh
        pending.extend(fresh)
    return reached


def _read_same_weight(match: Match, index: int, twin: int) -> bool:
    known = {match.values[name] for name in match.new.reads[index] if name in match.new.constants & match.values.keys()}
    return not known.isdisjoint(match.old.reads[twin])
