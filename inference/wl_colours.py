"""Nodes that are alike: same operator, same surroundings, to a few steps in every direction.

Repeated blocks give each other away: nodes of one colour after some rounds of Weisfeiler-Lehman refinement (Weisfeiler
and Leman 1968) most likely stand in the same place of sibling modules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .dataflow import Dataflow
from .scope_tree import Flags, Ids

_WL_ROUNDS = (6, 3, 1)
_Colours = npt.NDArray[np.uint64]
_IN, _OUT, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xFF51AFD7ED558CCD)


def similar_nodes(flow: Dataflow, known: Flags, kinds: Ids) -> tuple[Ids, Ids, npt.NDArray[np.float64]]:
    """Return which kinds of module the known twins of each unknown node lie in: rows of (node, kind, share).

    `kinds` is the kind of each known node's module. A node's twins are the known nodes of its colour in the finest
    colouring in which it has any.
    """
    waiting = ~known
    rows: list[tuple[Ids, Ids, npt.NDArray[np.float64]]] = []
    for colour in colourings(flow):
        unique, members = np.unique(colour, return_inverse=True)
        has_twin = np.zeros(len(unique), np.bool_)
        has_twin[members[known]] = True
        ready = np.flatnonzero(waiting & has_twin[members])
        if not len(ready):
            continue
        waiting[ready] = False
        width = int(kinds.max(initial=0)) + 1
        pairs, counts = np.unique(members[known] * width + kinds[known], return_counts=True)
        group = pairs // width
        totals = np.bincount(group, counts, len(unique))
        starts = np.searchsorted(group, members[ready])
        lengths = np.searchsorted(group, members[ready], side="right") - starts
        at = np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(lengths.sum())
        rows.append((np.repeat(ready, lengths), pairs[at] % width, counts[at] / totals[group[at]]))
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return tuple(np.concatenate(parts) for parts in zip(*rows, strict=True))  # type: ignore[return-value]


def colourings(flow: Dataflow) -> list[_Colours]:
    """Return colourings of the nodes, the finest first."""
    colour = (flow.operators.astype(np.uint64) + np.uint64(1)) * _MIX ^ flow.role.astype(np.uint64)
    kept: list[_Colours] = []
    for step in range(1, max(_WL_ROUNDS) + 1):
        spread = _mixed(colour)
        arriving = np.zeros(len(colour), np.uint64)
        leaving = np.zeros(len(colour), np.uint64)
        np.add.at(arriving, flow.targets, spread[flow.sources])
        np.add.at(leaving, flow.sources, spread[flow.targets])
        colour = _mixed(colour + arriving * _IN + leaving * _OUT)
        if step in _WL_ROUNDS:
            kept.append(colour)
    return kept[::-1]


def _mixed(colour: _Colours) -> _Colours:
    colour = (colour ^ (colour >> np.uint64(33))) * _MIX
    return colour ^ (colour >> np.uint64(29))
