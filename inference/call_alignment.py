"""Alignment of nodes with the calls of a module table, which finds the nodes of modules that nothing names.

A table lists modules in the order of their first calls, and nodes are in the order of execution. The unknown nodes
between two known ones are therefore aligned with the modules that the table calls in between, by global alignment of
two sequences (Needleman and Wunsch 1970). A module with parameters matches a node that reads a weight matrix; any
module matches a node whose operator has a name like its class.

Needleman, S. B., Wunsch, C. D. (1970). A general method applicable to the search for similarities in the amino acid
sequence of two proteins. Journal of Molecular Biology 48(3), 443-453. doi:10.1016/0022-2836(70)90057-4

Fredman, M. L. (1975). On computing the length of longest increasing subsequences. Discrete Mathematics 11(1), 29-35.
doi:10.1016/0012-365X(75)90103-X
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from ..analysis.call_order import Call
from .arrays import Flags, Floats, Ids
from .class_statistics import class_statistics
from .dataflow import Dataflow, Role

# Alignments of more cells (nodes times calls) than this are skipped; one of this size takes a few seconds.
MAX_ALIGNMENT_CELLS = 2_000_000

# Names of fewer letters than this never overlap: they occur in too many others (`Or` in `Normalize`). Not tuned; 2 and
# 4 change no correct tag; 5, which leaves out Relu and Gelu, costs 0.9 points with a module table.
_MIN_NAME_LETTERS = 3
# Names overlap if they share a prefix of at least this many letters, and of all but two letters of the shorter name:
# LayerNormalization and LayerNorm2d. Not tuned; 4 and 8 change no tag.
_MIN_SHARED_PREFIX = 6
_NON_LETTERS = re.compile(r"[^a-z]")

# The alignment maximises the sum of these scores. Not tuned; to halve or double any of them changes at most 7 tags.
_PARAMETERS_MATCH = 2.0
_NAME_MATCH_OF_MATRIX_NODE = 1.0
_NAME_MATCH = 1.5
_MISMATCH = -9.0
_UNMATCHED_MATRIX_NODE = -1.0
_UNMATCHED_MODULE_WITH_PARAMETERS = -0.5


@cache
def names_overlap(operator: str, class_name: str) -> bool:
    """Whether one of the names contains the other, or both begin alike. Only letters count, in either case."""
    first, second = _NON_LETTERS.sub("", operator.lower()), _NON_LETTERS.sub("", class_name.lower())
    shorter = min(len(first), len(second))
    if shorter < _MIN_NAME_LETTERS:
        return False
    return (
        first in second
        or second in first
        or _shared_prefix_length(first, second) >= max(_MIN_SHARED_PREFIX, shorter - 2)
    )


def _shared_prefix_length(first: str, second: str) -> int:
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length


class CallIndex:
    """The calls of a module table in order, with what their alignment asks for.

    `class_id` is the index in `class_names` of each call's class, `has_parameters` whether the module has some, and
    `leaves` the positions of the leaf modules, ascending.
    """

    def __init__(self, calls: Sequence[Call] = ()) -> None:
        self.calls = calls
        self.position_of = {call.scope: position for position, call in enumerate(calls)}
        class_ids: dict[str | None, int] = {}
        self.class_id: Ids = np.array(
            [class_ids.setdefault(call.class_name, len(class_ids)) for call in calls], np.int64
        )
        self.class_names = list(class_ids)
        self.has_parameters: Flags = np.array([call.has_parameters for call in calls], np.bool_)
        self.leaves: Ids = np.flatnonzero([call.is_leaf for call in calls])
        self._statistics = class_statistics()
        self._overlaps: dict[str, Flags] = {}
        self._becomes: dict[str, Flags] = {}

    def leaves_between(self, before: int, after: int) -> Ids:
        """Return the positions of the leaf modules that are called between two positions."""
        start, end = np.searchsorted(self.leaves, (before + 1, after))
        return self.leaves[start:end]

    def overlaps(self, operator: str) -> Flags:
        """Return whether the name of each class overlaps with an operator's, shape (classes,)."""
        found = self._overlaps.get(operator)
        if found is None:
            names = self.class_names
            found = np.array([name is not None and names_overlap(operator, name) for name in names], np.bool_)
            self._overlaps[operator] = found
        return found

    def node_overlaps(self, flow: Dataflow, node: int) -> Flags:
        """Return whether the name of each class overlaps with a node's operator, in ONNX or ATen, shape (classes,)."""
        overlaps = self.overlaps(flow.ops[node])
        aten = flow.aten_operators[node]
        return overlaps if aten is None else overlaps | self.overlaps(aten)

    def match_scores(self, flow: Dataflow, nodes: Sequence[int], positions: Ids) -> Floats:
        """Return the score of each pair of a node and a call: 0 if the node cannot be in the module."""
        is_matrix = (flow.role[nodes] == Role.MATRIX)[:, None]
        classes = self.class_id[positions]
        overlaps = np.stack([self.node_overlaps(flow, node)[classes] for node in nodes])
        becomes = np.stack([self._may_become(flow.ops[node])[classes] for node in nodes])
        return np.where(
            is_matrix,
            _PARAMETERS_MATCH * (self.has_parameters[positions] & becomes) + _NAME_MATCH_OF_MATRIX_NODE * overlaps,
            _NAME_MATCH * overlaps,
        )

    def _may_become(self, operator: str) -> Flags:
        """Return whether modules of each class may become an operator, shape (classes,)."""
        found = self._becomes.get(operator)
        if found is None:
            found = np.array([self._statistics.may_become(name, operator) for name in self.class_names], np.bool_)
            self._becomes[operator] = found
        return found


def aligned_modules(flow: Dataflow, scopes: Sequence[str | None], calls: CallIndex) -> dict[int, str]:
    """Return the aligned module of unknown nodes; a node without a match is left out.

    `scopes` are the modules of the nodes, None if unknown; `calls` are all calls of the table. Only leaf modules that
    no node is known to be in are aligned.
    """
    if not calls.calls:
        return {}
    roles = flow.role.tolist()
    known_calls = [calls.position_of[scope] for scope in dict.fromkeys(scopes) if scope in calls.position_of]
    aligned: dict[int, str] = {}
    fixed_points = [(-1, -1), *_fixed_points(scopes, calls), (len(flow), len(calls.calls))]
    for (node, call), (next_node, next_call) in pairwise(fixed_points):
        unknown = [
            index
            for index in range(node + 1, next_node)
            if scopes[index] is None and roles[index] > Role.SHAPE_ARITHMETIC
        ]
        if not unknown:
            continue
        leaves = calls.leaves_between(call, next_call)
        unnamed = leaves[~np.isin(leaves, known_calls)]
        classes = np.unique(calls.class_id[unnamed])
        nodes = [
            index for index in unknown if roles[index] == Role.MATRIX or calls.node_overlaps(flow, index)[classes].any()
        ]
        if len(unnamed) and nodes and len(nodes) * len(unnamed) <= MAX_ALIGNMENT_CELLS:
            aligned.update(_needleman_wunsch(flow, nodes, calls, unnamed))
    return aligned


def _fixed_points(scopes: Sequence[str | None], calls: CallIndex) -> list[tuple[int, int]]:
    """Return pairs (known node, position of its call), both ascending, that the alignment must pass through.

    They are the first nodes of a longest sequence of modules whose calls have the order of the table; the others were
    called more than once. A module's last node is a fixed point as well if there is no other one in between.
    """
    first_node: dict[int, int] = {}
    for node, scope in enumerate(scopes):
        if scope is not None and scope in calls.position_of:
            first_node.setdefault(calls.position_of[scope], node)
    chain = _longest_increasing(sorted((node, call) for call, node in first_node.items()))
    last_node = {scope: node for node, scope in enumerate(scopes) if scope is not None}
    points: list[tuple[int, int]] = []
    for at, (node, call) in enumerate(chain):
        end = chain[at + 1][0] if at + 1 < len(chain) else len(scopes)
        points.append((node, call))
        last = last_node[calls.calls[call].scope]
        if node < last < end:
            points.append((last, call))
    return points


def _longest_increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest subsequence of some pairs whose second items increase (Fredman 1975): O(n log n)."""
    tails: list[int] = []
    tail_at: list[int] = []
    previous = [-1] * len(pairs)
    for index, (_, value) in enumerate(pairs):
        at = bisect_left(tails, value)
        previous[index] = tail_at[at - 1] if at else -1
        if at == len(tails):
            tails.append(value)
            tail_at.append(index)
        else:
            tails[at] = value
            tail_at[at] = index
    subsequence: list[tuple[int, int]] = []
    index = tail_at[-1] if tail_at else -1
    while index >= 0:
        subsequence.append(pairs[index])
        index = previous[index]
    return subsequence[::-1]


def _needleman_wunsch(flow: Dataflow, nodes: Sequence[int], calls: CallIndex, positions: Ids) -> dict[int, str]:
    """Return the module of each matched node in the alignment of highest score with the calls at some positions."""
    is_matrix = flow.role[nodes] == Role.MATRIX
    pairs = best_alignment(calls.match_scores(flow, nodes, positions), is_matrix, calls.has_parameters[positions])
    return {nodes[row]: calls.calls[int(positions[column])].scope for row, column in pairs}


def best_alignment(score: Floats, is_matrix: Flags, has_parameters: Flags) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of the alignment of highest score of some nodes with some calls, last pair first.

    `score` has the shape (nodes, calls), and is positive if a node can be in a module. `is_matrix` says which nodes
    read a weight matrix, `has_parameters` which modules have parameters.
    """
    skip_node = np.where(is_matrix, _UNMATCHED_MATRIX_NODE, 0.0)
    skip_call = np.where(has_parameters, _UNMATCHED_MODULE_WITH_PARAMETERS, 0.0)
    best = best_scores(np.where(score > 0, score, _MISMATCH), skip_node, skip_call)
    pairs: list[tuple[int, int]] = []
    row, column = score.shape
    while row and column:
        if best[row, column] == best[row, column - 1] + skip_call[column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column] + skip_node[row - 1]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs


def best_scores(match: Floats, skip_node: Floats, skip_call: Floats) -> Floats:
    """Return the highest score of aligning the first nodes with the first calls, shape (nodes + 1, calls + 1).

    `match` has the shape (nodes, calls). All scores are multiples of 1/2, so that sums of them are exact.
    """
    # The score of skipping all calls before a column; less that, skipping calls is taking a running maximum.
    skipped = np.concatenate([[0.0], np.cumsum(skip_call)])
    best = np.empty((len(skip_node) + 1, len(skipped)))
    best[0] = skipped
    for row, (scores, skip) in enumerate(zip(match, skip_node, strict=True)):
        options = best[row] + skip
        options[1:] = np.maximum(options[1:], best[row, :-1] + scores)
        best[row + 1] = np.maximum.accumulate(options - skipped) + skipped
    return best
