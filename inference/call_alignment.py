"""What a module table says of the order of calls: which unnamed nodes belong to modules that no node names.

A table lists modules in the order of their first calls. Between two nodes whose modules are known, the modules that the
table calls in between are aligned with the nodes in between, order against order: a module with parameters takes a node
that reads a weight, any module a node whose operator resembles its class. Needleman and Wunsch (1970) align best.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from ..analysis.call_order import Call
from .dataflow import Dataflow, Role

# An alignment of more cells than this, for one gap, is left out: the gap says too little to be worth the time.
_MAX_ALIGNMENT_CELLS = 2_000_000
# Shorter names are found inside too many others; shorter beginnings are shared by too many.
_MIN_NAME_LETTERS = 3
_MIN_SHARED_PREFIX = 6
_NON_LETTERS = re.compile(r"[^a-z]")


@cache
def names_overlap(operator: str, class_name: str) -> bool:
    """Whether the name of an operator or of a class holds the other, or both begin with the same letters."""
    ours, theirs = _NON_LETTERS.sub("", operator.lower()), _NON_LETTERS.sub("", class_name.lower())
    shorter = min(len(ours), len(theirs))
    if shorter < _MIN_NAME_LETTERS:
        return False
    return (
        ours in theirs or theirs in ours or _shared_prefix_length(ours, theirs) >= max(_MIN_SHARED_PREFIX, shorter - 2)
    )


def _shared_prefix_length(ours: str, theirs: str) -> int:
    length = 0
    for one, two in zip(ours, theirs, strict=False):
        if one != two:
            break
        length += 1
    return length


def aligned_modules(flow: Dataflow, scopes: Sequence[str | None], calls: Sequence[Call]) -> dict[int, str]:
    """Return modules for nodes whose own (`scopes`) is None, by the order of calls; without a match there is none."""
    position_of = {call.scope: index for index, call in enumerate(calls)}
    anchors = _anchors(scopes, position_of)
    named = {scope for scope in scopes if scope is not None}
    found: dict[int, str] = {}
    ends = [(-1, -1), *anchors, (len(flow), len(calls))]
    for (node, call), (next_node, next_call) in pairwise(ends):
        unnamed = [item for item in calls[call + 1 : next_call] if item.is_leaf and item.scope not in named]
        if not unnamed:
            continue
        nodes = [
            index for index in range(node + 1, next_node) if scopes[index] is None and _can_match(flow, index, unnamed)
        ]
        if nodes and len(nodes) * len(unnamed) <= _MAX_ALIGNMENT_CELLS:
            found.update(_needleman_wunsch(flow, nodes, unnamed))
    return found


def _anchors(scopes: Sequence[str | None], position_of: dict[str, int]) -> list[tuple[int, int]]:
    """Return (node, call) of known nodes that come in the table's order: a longest increasing subsequence."""
    first: dict[int, int] = {}
    for node, scope in enumerate(scopes):
        if scope is not None and scope in position_of:
            first.setdefault(position_of[scope], node)
    pairs = sorted((node, call) for call, node in first.items())
    tails: list[int] = []
    tail_at: list[int] = []
    previous = [-1] * len(pairs)
    for index, (_, call) in enumerate(pairs):
        at = bisect_left(tails, call)
        previous[index] = tail_at[at - 1] if at else -1
        if at == len(tails):
            tails.append(call)
            tail_at.append(index)
        else:
            tails[at] = call
            tail_at[at] = index
    chain: list[tuple[int, int]] = []
    index = tail_at[-1] if tail_at else -1
    while index >= 0:
        chain.append(pairs[index])
        index = previous[index]
    chain.reverse()
    # A module's later nodes close the gap in front of the next one.
    last = {scope: node for node, scope in enumerate(scopes) if scope is not None}
    by_call = {call: scope for scope, call in position_of.items()}
    widened: list[tuple[int, int]] = []
    for at, (node, call) in enumerate(chain):
        end = chain[at + 1][0] if at + 1 < len(chain) else len(scopes)
        widened.append((node, call))
        if node < last[by_call[call]] < end:
            widened.append((last[by_call[call]], call))
    return widened


def _can_match(flow: Dataflow, node: int, calls: Sequence[Call]) -> bool:
    if flow.role[node] == Role.MATRIX:
        return True
    return flow.role[node] > Role.SHAPE_ARITHMETIC and any(_class_matches_operator(flow, node, call) for call in calls)


def _class_matches_operator(flow: Dataflow, node: int, call: Call) -> bool:
    return call.class_name is not None and names_overlap(flow.ops[node], call.class_name)


def _match_score(flow: Dataflow, node: int, call: Call) -> float:
    similar = _class_matches_operator(flow, node, call)
    if flow.role[node] == Role.MATRIX:
        return (2.0 if call.has_parameters else 0.0) + (1.0 if similar else 0.0) or -9.0
    return 1.5 if similar else -9.0


def _needleman_wunsch(flow: Dataflow, nodes: list[int], calls: list[Call]) -> dict[int, str]:
    """Return the best alignment of nodes with calls; leaving out a weight's reader or a module costs something."""
    skip_node = [-1.0 if flow.role[node] == Role.MATRIX else 0.0 for node in nodes]
    skip_call = [-0.5 if call.has_parameters else 0.0 for call in calls]
    best = np.zeros((len(nodes) + 1, len(calls) + 1))
    best[1:, 0] = np.cumsum(skip_node)
    best[0, 1:] = np.cumsum(skip_call)
    matches = np.array([[_match_score(flow, node, call) for call in calls] for node in nodes])
    for row in range(1, len(nodes) + 1):
        diagonal = best[row - 1, :-1] + matches[row - 1]
        above = best[row - 1, 1:] + skip_node[row - 1]
        options = np.maximum(diagonal, above)
        current = best[row, 0]
        for column in range(len(calls)):
            current = max(options[column], current + skip_call[column])
            best[row, column + 1] = current
    found: dict[int, str] = {}
    row, column = len(nodes), len(calls)
    while row and column:
        if best[row, column] == best[row, column - 1] + skip_call[column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column] + skip_node[row - 1]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            found[nodes[row]] = calls[column].scope
    return found
