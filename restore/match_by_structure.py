"""Matching of two regions that share no names: their sequences of operators are aligned.

It works for another exporter, another opset or version, and other weights. The sequences are aligned in the order of
the files, which is the order of the calls if an exporter wrote them, and in the order in which the results need them,
which no optimiser changes. The better alignment counts; a node is certain if both agree on its module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..inference.arrays import as_ints
from .operator_scores import is_anchor, is_part, kind_scores
from .operator_sequence import Kind, OperatorSequence
from .region_index import RegionIndex
from .sequence_alignment import Alignment, Ints, Scores, align

# A node is certain if the alignment loses at least this score where it goes to another module: that of an operator.
_MIN_MARGIN = 1.0
# The share of the anchors that may be in another head, at most.
_MAX_HEAD = 0.1
# The score of a weight that both models have.
_SAME_WEIGHT = 8.0


class Counterpart(NamedTuple):
    """The nodes of the reference that do the work of a node of the target, and whether no other module can be meant."""

    nodes: tuple[int, ...]
    certain: bool


@dataclass(frozen=True)
class StructureMatch:
    """The counterparts of the target's nodes, and how much of both regions they cover.

    anchors: the number of nodes, in both regions, that read weights or multiply matrices.
    matched_anchors: the number of those whose counterpart does so with weights of the same shapes.
    """

    reference: RegionIndex
    target: RegionIndex
    nodes: Mapping[int, Counterpart]
    anchors: int
    matched_anchors: int


def match_structure(
    reference: RegionIndex, target: RegionIndex, weights: Mapping[str, str], modules: Sequence[str]
) -> StructureMatch:
    """Match the nodes of two regions.

    `weights` has the reference's names of weights with equal content, and `modules` the module of each node of the
    reference.
    """
    old, new = OperatorSequence(reference), OperatorSequence(target)
    if not (old.nodes and new.nodes):
        return StructureMatch(reference, target, {}, 0, 0)
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(modules[node], len(numbers)) for node in old.nodes], np.int64)
    scores = _scores(old, new, weights)
    orders = [(range(len(new)), range(len(old))), (new.order_of_need(), old.order_of_need())]
    distinct = dict.fromkeys((tuple(rows), tuple(columns)) for rows, columns in orders)
    alignments = [_aligned(scores, groups, rows, columns) for rows, columns in distinct]
    one, *others = sorted(alignments, key=lambda alignment: -alignment.score)
    other = others[0] if others else one
    certain = (one.margin >= _MIN_MARGIN) & (other.column >= 0) & (groups[one.column] == groups[other.column])
    anchors = _count_anchors(old, new, one)
    if anchors.has_own_head:
        certain[anchors.end :] = False
    parts = _parts(old, new, one)
    found = {
        new.nodes[row]: Counterpart(tuple(old.nodes[number] for number in (column, *parts[row])), bool(certain[row]))
        for row, column in enumerate(as_ints(one.column))
        if column >= 0
    }
    return StructureMatch(reference, target, found, anchors.counted, anchors.matched)


class _Anchors(NamedTuple):
    """The number of anchors of both sequences that were to be matched, and of those that were.

    `end` is the row after the target's last matched anchor, and `has_own_head` tells whether it has others after it.
    """

    counted: int
    matched: int
    end: int
    has_own_head: bool


def _count_anchors(old: OperatorSequence, new: OperatorSequence, alignment: Alignment) -> _Anchors:
    """Count the anchors. A few at the end that are not matched do not count: the same model may have another head."""
    rows: list[int] = []
    columns: set[int] = set()
    for row, column in enumerate(as_ints(alignment.column)):
        if column >= 0 and is_anchor(new.kinds[row]) and is_anchor(old.kinds[column]):
            ours, theirs = set(new.kinds[row].shapes), set(old.kinds[column].shapes)
            if not ours.isdisjoint(theirs) or not (ours or theirs):
                rows.append(row)
                columns.add(column)
    total = sum(map(is_anchor, (*new.kinds, *old.kinds))) - _folded(old, new, alignment)
    end = max(rows, default=-1) + 1
    own_head = sum(map(is_anchor, new.kinds[end:]))
    head = own_head + sum(map(is_anchor, old.kinds[max(columns, default=-1) + 1 :]))
    counted = total if head > _MAX_HEAD * total else total - head
    return _Anchors(counted, len(rows) + len(columns), end, own_head > 0)


def _folded(old: OperatorSequence, new: OperatorSequence, alignment: Alignment) -> int:
    """Count the batch normalisations of one region that the other may have folded into its convolutions."""
    matched = set(as_ints(alignment.column))
    left = [kind for kind, column in zip(new.kinds, as_ints(alignment.column), strict=True) if column < 0]
    left += [kind for number, kind in enumerate(old.kinds) if number not in matched]
    return sum(is_anchor(kind) and kind.op == "BatchNormalization" for kind in left)


def _scores(old: OperatorSequence, new: OperatorSequence, weights: Mapping[str, str]) -> Scores:
    kinds: dict[Kind, int] = {}
    rows = np.array([kinds.setdefault(kind, len(kinds)) for kind in new.kinds], np.int64)
    columns = np.array([kinds.setdefault(kind, len(kinds)) for kind in old.kinds], np.int64)
    table = kind_scores(list(kinds))
    numbers: dict[str, int] = {}
    for name in filter(None, old.weights):
        numbers.setdefault(name, len(numbers))
    row_keys = np.array([numbers.get(weights.get(name, ""), -1) for name in new.weights], np.int64)
    column_keys = np.array([numbers.get(name, -1) for name in old.weights], np.int64)
    return Scores(rows, columns, *table, row_keys, column_keys, _SAME_WEIGHT)


def _aligned(scores: Scores, groups: Ints, rows: Sequence[int], columns: Sequence[int]) -> Alignment:
    """Align in some orders; the result is in the order of the files."""
    row_order, column_order = np.array(rows, np.int64), np.array(columns, np.int64)
    found = align(scores.ordered(row_order, column_order), groups[column_order])
    result = Alignment(np.empty_like(found.column), np.empty_like(found.margin), found.score)
    result.column[row_order] = np.where(found.column >= 0, column_order[found.column], -1)
    result.margin[row_order] = found.margin
    return result


def _parts(old: OperatorSequence, new: OperatorSequence, alignment: Alignment) -> Mapping[int, Sequence[int]]:
    """Return the unmatched operators of the reference that are parts of each fused operator of the target.

    They are next to its counterpart, in the order of the file. The operator of the counterpart is another one.
    """
    row_of = np.full(len(old), -1, np.int64)
    rows = np.flatnonzero(alignment.column >= 0)
    row_of[alignment.column[rows]] = rows
    compute = [number for number, kind in enumerate(old.kinds) if not kind.auxiliary]
    parts: dict[int, list[int]] = defaultdict(list)
    for direction in (compute, compute[::-1]):
        row = -1
        for number in direction:
            if row_of[number] >= 0:
                row = int(row_of[number])
                row = row if new.kinds[row].op != old.kinds[number].op else -1
            elif row >= 0 and is_part(old.kinds[number], new.kinds[row]):
                parts[row].append(number)
            else:
                row = -1
    return parts
