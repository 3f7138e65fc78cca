"""Similar nodes: nodes of the same colour after some rounds of Weisfeiler-Leman refinement.

A node's first colour is its operator and role; each round hashes it with the multisets of its producers' and consumers'
colours. Nodes of the same colour have the same surroundings and usually the same position in repeated blocks.

Weisfeiler, B., Leman, A. (1968). The reduction of a graph to canonical form and the algebra which appears therein.
Nauchno-Technicheskaya Informatsia 2(9), 12-16.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import Flags, Floats, Ids, concatenated_ranges
from .dataflow import Dataflow

# Rounds after which a colouring is kept, the finest first. Not tuned; (3, 2, 1) changes no tag and (12, 6, 1) costs 0.2
# points in the case random, but without the last one it costs 1 point.
_ROUNDS = (6, 3, 1)

_Colours = npt.NDArray[np.uint64]

# Odd constants of well-known hashes, which spread the bits: splitmix64, xxHash64 and MurmurHash3.
_PRODUCER, _CONSUMER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)


def similar_nodes(flow: Dataflow, known: Flags, pattern: Ids) -> tuple[Ids, Ids, Floats]:
    """Return which patterns of modules the known nodes are in that are similar to each unknown node.

    `known` and `pattern` have the shape (nodes,); `pattern` is a number from 0 for the module of each known node. The
    result is rows (unknown node, pattern, share of its similar nodes with this pattern), three arrays of shape (rows,).
    A node's similar nodes are the known nodes of its colour in the finest colouring in which there is any.
    """
    waiting = ~known
    rows: list[tuple[Ids, Ids, Floats]] = []
    for colour in colourings(flow):
        unique, group = np.unique(colour, return_inverse=True)
        has_known = np.zeros(len(unique), np.bool_)
        has_known[group[known]] = True
        ready = np.flatnonzero(waiting & has_known[group])
        if not len(ready):
            continue
        waiting[ready] = False
        width = int(pattern.max(initial=0)) + 1
        keys, counts = np.unique(group[known] * width + pattern[known], return_counts=True)
        key_group = keys // width
        totals = np.bincount(key_group, counts, len(unique))
        starts = np.searchsorted(key_group, group[ready])
        number, at = concatenated_ranges(starts, np.searchsorted(key_group, group[ready], side="right") - starts)
        rows.append((ready[number], keys[at] % width, counts[at] / totals[key_group[at]]))
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    node, node_pattern, share = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return node, node_pattern, share


def colourings(flow: Dataflow) -> list[_Colours]:
    """Return the colourings of the nodes, the finest first; each is uint64, shape (nodes,)."""
    colour = (flow.operator.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER ^ flow.role.astype(np.uint64)
    kept: list[_Colours] = []
    for number in range(1, max(_ROUNDS) + 1):
        hashed = _hash(colour)
        # A sum of hashes is a hash of the multiset.
        of_producers = np.zeros(len(colour), np.uint64)
        of_consumers = np.zeros(len(colour), np.uint64)
        np.add.at(of_producers, flow.targets, hashed[flow.sources])
        np.add.at(of_consumers, flow.sources, hashed[flow.targets])
        colour = _hash(colour + of_producers * _PRODUCER + of_consumers * _CONSUMER)
        if number in _ROUNDS:
            kept.append(colour)
    return kept[::-1]


def _hash(colour: _Colours) -> _Colours:
    colour = (colour ^ (colour >> np.uint64(33))) * _MULTIPLIER
    return colour ^ (colour >> np.uint64(29))
