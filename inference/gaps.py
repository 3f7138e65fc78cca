"""Gaps: runs of unknown nodes, and the modules that may run in them, in order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Ids
from .call_sequence import CallSequence
from .scope_tree import ScopeTree

# Longer gaps, and gaps with more states, have no posterior: nodes times states is time and memory. Not tuned; to halve
# or double either changes no tag.
_MAX_GAP_NODES, _MAX_STATES = 4096, 64
# A path makes no detours if there are more modules than this to visit. Not tuned; 6 and 24 change no tag.
_MAX_DETOURS = 12


class Gap(NamedTuple):
    """The unknown nodes from `start` to before `stop`, and the states of the hidden Markov model over them.

    The states are modules in the order in which they may be running, the known ones before and after the gap included.
    The same module may be several states.
    """

    start: int
    stop: int
    states: tuple[int, ...]


def find_gaps(
    known_scope: Ids, *, region_scope: int, tree: ScopeTree, calls: CallSequence, block_analogue: Ids
) -> list[Gap]:
    """Return the gaps of a region in node order.

    `known_scope` and `block_analogue` have the shape (nodes,) and hold UNKNOWN for nodes that have none; `region_scope`
    is the module before the first and after the last node.
    """
    unknown = known_scope < 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], unknown, [False])).astype(np.int8)))
    padded = np.append(known_scope, region_scope)
    paths: dict[tuple[int, int], tuple[int, ...]] = {}
    gaps: list[Gap] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        ends = int(padded[start - 1]), int(padded[stop])
        if ends not in paths:
            paths[ends] = _path_through_calls(tree, calls, *ends)
        states = _with_detours(paths[ends], block_analogue[start:stop], tree)
        if stop - start <= _MAX_GAP_NODES and len(states) <= _MAX_STATES:
            gaps.append(Gap(start, stop, states))
    return gaps


def _path_through_calls(tree: ScopeTree, calls: CallSequence, before: int, after: int) -> tuple[int, ...]:
    """Return the path in the tree between two modules, through the modules that the table calls in between."""
    path = [before]
    for stop in (*calls.between(before, after), after):
        path.extend(tree.path_between(path[-1], stop)[0][1:])
    return tuple(path)


def _with_detours(path: tuple[int, ...], block_analogue: Ids, tree: ScopeTree) -> tuple[int, ...]:
    """Return the path with a detour to each block analogue that is not on it."""
    missing = [scope for scope in dict.fromkeys(block_analogue.tolist()) if scope >= 0 and scope not in path]
    if not missing or len(missing) > _MAX_DETOURS:
        return path
    states = list(path)
    for scope in missing:
        climb = tree.path_to_root(scope)
        height = next((index for index, module in enumerate(climb) if module in states), None)
        if height is None:
            continue
        # If the path visits this ancestor twice, the detour starts at the later visit: nothing tells them apart.
        at = len(states) - 1 - states[::-1].index(climb[height])
        states[at + 1 : at + 1] = [*reversed(climb[:height]), *climb[1 : height + 1]]
    return tuple(states)
