"""What names say is the same in a model and its reference.

Optimisers keep the names of most values. A node that writes a value of the same name with the same operator was kept;
one with another operator took the place of others, though the value is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from .region_match import RegionMatch

# Exporters number values (`val_12`), so that in models of different versions the same name means another value. Of the
# values that readers of known weights write, at most so many may be others in the reference, for each that is the same.
_MAX_CONTRADICTIONS = 0.3
# At most so many nodes are looked at that may have become one.
_MAX_FUSED_NODES = 64


def match_values(match: RegionMatch, weights: Mapping[str, str]) -> None:
    """Match values by their names, and the nodes that write them; `weights` are constants of other names."""
    old, new, values = match.reference, match.target, match.values
    values.update({name: name for name in new.external_values & old.external_values})
    values.update({name: name for name in new.constants & old.constants})
    values.update({name: weights[name] for name in new.constants & weights.keys()})
    written = {name: (index, old.writer[name]) for name, index in new.writer.items() if name in old.writer}
    alike = {name: pair for name, pair in written.items() if match.same_operator(*pair)}
    if not _names_are_reliable(match):
        # What reads a weight of the same name is the same all the same.
        written = alike = {name: pair for name, pair in alike.items() if _read_same_weight(match, *pair)}
    values.update({name: name for name in written})
    for index, twin in alike.values():
        match.nodes.setdefault(index, twin)


def match_node_names(match: RegionMatch, replaced: Collection[int]) -> None:
    """Match nodes whose values were renamed by their own names, where those are unique; `settled` ones are left out."""
    old, new = match.reference, match.target
    counts = Counter(node.name for node in old.nodes)
    known = {node.name: index for index, node in enumerate(old.nodes) if node.name and counts[node.name] == 1}
    taken = set(match.nodes.values())
    for index, node in enumerate(new.nodes):
        twin = known.get(node.name)
        if twin is None or twin in taken or index in match.nodes or index in replaced:
            continue
        renamed = all(name not in match.values and name not in old.writer for name in new.writes[index])
        if renamed and match.same_operator(index, twin) and match.matching_inputs(index, twin) > 0:
            taken.add(twin)
            match.add(index, twin)


def _names_are_reliable(match: RegionMatch) -> bool:
    """Whether the readers of weights that are the same write values that are the same, by their names."""
    held = broken = 0
    for name, known in match.values.items():
        if name not in match.target.constants:
            continue
        reached = _replaced_from(match, {use.node for use in match.reference.readers[known]})
        for use in match.target.readers[name]:
            for value in match.target.writes[use.node]:
                if value in match.reference.writer:
                    held += match.reference.writer[value] in reached
                    broken += match.reference.writer[value] not in reached
    return broken <= _MAX_CONTRADICTIONS * held


def _replaced_from(match: RegionMatch, nodes: set[int]) -> set[int]:
    """Return old nodes with those that they lead to through values that are gone: what may be one node now."""
    reached, pending = set(nodes), list(nodes)
    while pending and len(reached) < _MAX_FUSED_NODES:
        lost = (value for value in match.reference.writes[pending.pop()] if value not in match.target.writer)
        fresh = {use.node for value in lost for use in match.reference.readers.get(value, ())} - reached
        reached |= fresh
        pending.extend(fresh)
    return reached


def _read_same_weight(match: RegionMatch, index: int, twin: int) -> bool:
    known = {
        match.values[name] for name in match.target.reads[index] if name in match.target.constants & match.values.keys()
    }
    return not known.isdisjoint(match.reference.reads[twin])
