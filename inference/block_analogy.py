"""The module of an unknown node by analogy with similar nodes of sibling blocks.

Similar nodes (`wl_colours.py`) have the same position in other blocks, so the unknown node's module is that of a
similar node with the block's number replaced. Known nodes at the same distance from both show which number to replace:
if a similar node of `layer.1.act` is next to a node of `layer.1.norm`, and the unknown node is next to a node of
`layer.3.norm`, then the unknown node is in `layer.3.act`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from .arrays import Flags, Ids
from .dataflow import Dataflow
from .wl_colours import colourings

# Similar nodes considered on either side of a node, the nearest ones. Not tuned; 1 and 4 cost 0.2 and 0.1 points in the
# case random.
_SIMILAR_PER_SIDE = 2


def analogous_modules(flow: Dataflow, scopes: Sequence[str | None]) -> dict[int, str]:
    """Return the analogous module of unknown nodes; nodes without one are left out.

    `scopes` are the modules of the nodes, None if unknown. Similar nodes are those of the finest colouring in which the
    node has any that are known; of several analogous modules the most frequent one wins.
    """
    known: Flags = np.array([scope is not None for scope in scopes], np.bool_)
    if known.all() or not known.any():
        return {}
    index = np.arange(len(known))
    before: Ids = np.maximum.accumulate(np.where(known, index, -1))
    after: Ids = np.minimum.accumulate(np.where(known, index, len(known))[::-1])[::-1]
    analogous: dict[int, str] = {}
    waiting = ~known
    for colour in colourings(flow):
        known_of_colour: dict[int, list[int]] = defaultdict(list)
        for node, number in enumerate(colour.tolist()):
            if known[node]:
                known_of_colour[number].append(node)
        for node in np.flatnonzero(waiting).tolist():
            similar = known_of_colour.get(int(colour[node]))
            if similar is None:
                continue
            waiting[node] = False
            anchors = [anchor for anchor in (int(before[node]), int(after[node])) if 0 <= anchor < len(known)]
            votes = _votes(node, _nearest(similar, node), anchors, scopes, flow.ops)
            if votes:
                analogous[node] = max(votes, key=lambda scope: (votes[scope], scope))
    return analogous


def _nearest(nodes: Sequence[int], node: int) -> Sequence[int]:
    at = bisect_left(nodes, node)
    return nodes[max(0, at - _SIMILAR_PER_SIDE) : at + _SIMILAR_PER_SIDE]


def _votes(
    node: int, similar: Sequence[int], anchors: Sequence[int], scopes: Sequence[str | None], ops: Sequence[str]
) -> Mapping[str, int]:
    """Return the analogous modules, each with the number of pairs (anchor, similar node) that lead to it."""
    votes: Counter[str] = Counter()
    for anchor in anchors:
        for other in similar:
            counterpart = other + anchor - node
            if not 0 <= counterpart < len(ops) or ops[counterpart] != ops[anchor] or scopes[counterpart] is None:
                continue
            scope = _renumbered(str(scopes[other]), str(scopes[counterpart]), str(scopes[anchor]))
            if scope is not None:
                votes[scope] += 1
    return votes


def _renumbered(scope: str, source: str, target: str) -> str | None:
    """Return a scope with the numbers replaced that differ between `source` and `target`.

    None if these two differ in anything else. Numbers are replaced in the prefix that the scope shares with `source`.
    """
    if source == target:
        return scope
    source_atoms, target_atoms, atoms = source.split("."), target.split("."), scope.split(".")
    if len(source_atoms) != len(target_atoms):
        return None
    for index, (old, new) in enumerate(zip(source_atoms, target_atoms, strict=True)):
        if old == new:
            continue
        if not (old.isdecimal() and new.isdecimal()):
            return None
        if atoms[: index + 1] == source_atoms[: index + 1]:
            atoms[index] = new
            source_atoms[index] = new
    return ".".join(atoms)
