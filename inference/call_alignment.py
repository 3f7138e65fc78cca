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
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from ..analysis.call_order import Call
from .dataflow import Dataflow, Role

# Alignments of more cells (nodes times calls) than this are skipped; one of this size takes a few seconds.
_MAX_ALIGNMENT_CELLS = 2_000_000

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


def aligned_modules(flow: Dataflow, scopes: Sequence[str | None], calls: Sequence[Call]) -> dict[int, str]:
    """Return the aligned module of unknown nodes; a node without a match is left out.

    `scopes` are the modules of the nodes, None if unknown; `calls` are all calls of the table in order. Only leaf
    modules that no node is known to be in are aligned.
    """
    position_of = {call.scope: index for index, call in enumerate(calls)}
    known_scopes = {scope for scope in scopes if scope is not None}
    aligned: dict[int, str] = {}
    fixed_points = [(-1, -1), *_fixed_points(scopes, position_of), (len(flow), len(calls))]
    for (node, call), (next_node, next_call) in pairwise(fixed_points):
        unnamed = [item for item in calls[call + 1 : next_call] if item.is_leaf and item.scope not in known_scopes]
        if not unnamed:
            continue
        nodes = [
            index for index in range(node + 1, next_node) if scopes[index] is None and _can_match(flow, index, unnamed)
        ]
        if nodes and len(nodes) * len(unnamed) <= _MAX_ALIGNMENT_CELLS:
            aligned.update(_needleman_wunsch(flow, nodes, unnamed))
    return aligned


def _fixed_points(scopes: Sequence[str | None], position_of: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return pairs (known node, position of its call), both ascending, that the alignment must pass through.

    They are the first nodes of a longest sequence of modules whose calls have the order of the table; the others were
    called more than once. A module's last node is a fixed point as well if there is no other one in between.
    """
    first_node: dict[int, int] = {}
    for node, scope in enumerate(scopes):
        if scope is not None and scope in position_of:
            first_node.setdefault(position_of[scope], node)
    chain = _longest_increasing(sorted((node, call) for call, node in first_node.items()))
    last_node = {scope: node for node, scope in enumerate(scopes) if scope is not None}
    scope_of = {call: scope for scope, call in position_of.items()}
    points: list[tuple[int, int]] = []
    for at, (node, call) in enumerate(chain):
        end = chain[at + 1][0] if at + 1 < len(chain) else len(scopes)
        points.append((node, call))
        if node < last_node[scope_of[call]] < end:
            points.append((last_node[scope_of[call]], call))
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


def _can_match(flow: Dataflow, node: int, calls: Sequence[Call]) -> bool:
    if flow.role[node] == Role.MATRIX:
        return True
    return flow.role[node] > Role.SHAPE_ARITHMETIC and any(_class_matches_operator(flow, node, call) for call in calls)


def _class_matches_operator(flow: Dataflow, node: int, call: Call) -> bool:
    return call.class_name is not None and names_overlap(flow.ops[node], call.class_name)


def _match_score(flow: Dataflow, node: int, call: Call) -> float:
    name_matches = _class_matches_operator(flow, node, call)
    if flow.role[node] == Role.MATRIX:
        score = _PARAMETERS_MATCH * call.has_parameters + _NAME_MATCH_OF_MATRIX_NODE * name_matches
        return score or _MISMATCH
    return _NAME_MATCH if name_matches else _MISMATCH


def _needleman_wunsch(flow: Dataflow, nodes: Sequence[int], calls: Sequence[Call]) -> dict[int, str]:
    """Return the module of each matched node in the alignment of highest score."""
    skip_node = [_UNMATCHED_MATRIX_NODE if flow.role[node] == Role.MATRIX else 0.0 for node in nodes]
    skip_call = [_UNMATCHED_MODULE_WITH_PARAMETERS if call.has_parameters else 0.0 for call in calls]
    match = np.array([[_match_score(flow, node, call) for call in calls] for node in nodes])
    best = np.zeros((len(nodes) + 1, len(calls) + 1))
    best[1:, 0] = np.cumsum(skip_node)
    best[0, 1:] = np.cumsum(skip_call)
    for row in range(1, len(nodes) + 1):
        diagonal = best[row - 1, :-1] + match[row - 1]
        above = best[row - 1, 1:] + skip_node[row - 1]
        options = np.maximum(diagonal, above)
        current = best[row, 0]
        for column in range(len(calls)):
            current = max(options[column], current + skip_call[column])
            best[row, column + 1] = current
    aligned: dict[int, str] = {}
    row, column = len(nodes), len(calls)
    while row and column:
        if best[row, column] == best[row, column - 1] + skip_call[column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column] + skip_node[row - 1]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            aligned[nodes[row]] = calls[column].scope
    return aligned
