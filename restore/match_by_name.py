"""Matching of values and nodes by their names.

Optimisers keep the names of most values. A node that writes a value of the same name with the same operator was kept. A
node that writes it with another operator replaced other nodes, but the value is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from .layout_names import values_in_other_layout
from .region_index import RegionIndex
from .region_match import RegionMatch

# Exporters number values (`val_12`), so the same name may mean another value in an export by another version. Names are
# trusted if, among the values that readers of matched weights write, those that contradict them are at most this share
# of those that confirm them. Not tuned; 0.1 and 0.6 change no tag of 46,809 after optimisers.
_MAX_CONTRADICTIONS = 0.3
# The reference's nodes that may have been fused into one reader of a weight, at most. Not tuned; 16 and 256 change no
# tag.
_MAX_FUSED_NODES = 64


# Regions share names if this share of the nodes of the smaller one has them, at least. Not tuned.
_MIN_SHARED_NODES = 0.1


def share_names(reference: RegionIndex, target: RegionIndex) -> bool:
    """Whether enough nodes of two regions have the same names, or write values of the same names.

    Exporters number nodes and values, so a name may be equal by chance. Then what is read under it has other names.
    """
    return any(_agree(target, names(target), reference, names(reference)) for names in (_value_names, _node_names))


def _agree(target: RegionIndex, names: Sequence[str], reference: RegionIndex, reference_names: Sequence[str]) -> bool:
    known = dict(zip(reference_names, range(len(reference)), strict=True))
    agreeing = contradicting = 0
    for node, name in enumerate(names):
        reference_node = known.get(name) if name else None
        if reference_node is None or target.operator(node) != reference.operator(reference_node):
            continue
        read = {names[writer] for writer in _writers(target, node)} & known.keys()
        reference_read = {reference_names[writer] for writer in _writers(reference, reference_node)}
        agrees = not read or not read.isdisjoint(reference_read)
        agreeing += agrees
        contradicting += not agrees
    enough = agreeing > 0 and agreeing >= _MIN_SHARED_NODES * min(len(reference), len(target))
    return enough and contradicting <= _MAX_CONTRADICTIONS * agreeing


def _value_names(region: RegionIndex) -> list[str]:
    other_layout = values_in_other_layout(region)
    names = (next(iter(written), "") for written in region.writes)
    return [other_layout.get(name, name) for name in names]


def _node_names(region: RegionIndex) -> list[str]:
    return [node.name for node in region.nodes]


def _writers(region: RegionIndex, node: int) -> Iterator[int]:
    return (region.writer[name] for name in region.reads[node] if name in region.writer)


def match_values(match: RegionMatch, weights: Mapping[str, str]) -> None:
    """Match values of the same name, and the nodes that write them with the same operator.

    `weights` are the renamed weights: the reference's name for each name in the target.
    """
    reference, target, values = match.reference, match.target, match.values
    values.update({name: name for name in target.external_values & reference.external_values})
    values.update({name: name for name in target.constants & reference.constants})
    values.update({name: weights[name] for name in target.constants & weights.keys()})
    original = dict(zip(target.writer, target.writer, strict=True)) | values_in_other_layout(target)
    written = {
        name: (node, reference.writer[original[name]])
        for name, node in target.writer.items()
        if original[name] in reference.writer
    }
    same = {name: pair for name, pair in written.items() if match.same_operator(*pair)}
    if not _names_are_reliable(match):
        # Readers of the same weight are the same node even so.
        written = same = {name: pair for name, pair in same.items() if _read_same_weight(match, *pair)}
    values.update({name: original[name] for name in written})
    for node, reference_node in same.values():
        match.nodes.setdefault(node, reference_node)


def match_node_names(match: RegionMatch, replaced: Collection[int]) -> None:
    """Match nodes by their own names, for nodes whose values were renamed.

    A name must be unique in the reference. Nodes in `replaced` are left out.
    """
    reference, target = match.reference, match.target
    counts = Counter(node.name for node in reference.nodes)
    by_name = {node.name: index for index, node in enumerate(reference.nodes) if node.name and counts[node.name] == 1}
    taken = set(match.nodes.values())
    for index, node in enumerate(target.nodes):
        reference_node = by_name.get(node.name)
        if reference_node is None or reference_node in taken or index in match.nodes or index in replaced:
            continue
        renamed = all(name not in match.values and name not in reference.writer for name in target.writes[index])
        if renamed and match.same_operator(index, reference_node) and match.matching_inputs(index, reference_node) > 0:
            taken.add(reference_node)
            match.add(index, reference_node)


def _names_are_reliable(match: RegionMatch) -> bool:
    """Whether readers of the same weights write values of the same names, in most cases."""
    confirming = contradicting = 0
    for name, reference_name in match.values.items():
        if name not in match.target.constants:
            continue
        fused = _fusible_with(match, {use.node for use in match.reference.readers[reference_name]})
        for use in match.target.readers[name]:
            for value in match.target.writes[use.node]:
                if value in match.reference.writer:
                    confirming += match.reference.writer[value] in fused
                    contradicting += match.reference.writer[value] not in fused
    return contradicting <= _MAX_CONTRADICTIONS * confirming


def _fusible_with(match: RegionMatch, nodes: set[int]) -> set[int]:
    """Return nodes of the reference, and those they lead to through values that the target lacks.

    These may have become one node of the target. The search ends at `_MAX_FUSED_NODES`.
    """
    reached, pending = set(nodes), list(nodes)
    while pending and len(reached) < _MAX_FUSED_NODES:
        lost = (value for value in match.reference.writes[pending.pop()] if value not in match.target.writer)
        fresh = {use.node for value in lost for use in match.reference.readers.get(value, ())} - reached
        reached |= fresh
        pending.extend(fresh)
    return reached


def _read_same_weight(match: RegionMatch, node: int, reference_node: int) -> bool:
    weights = match.target.constants & match.values.keys()
    read = {match.values[name] for name in match.target.reads[node] if name in weights}
    return not read.isdisjoint(match.reference.reads[reference_node])
