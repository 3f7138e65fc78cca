"""Which module a node's twins suggest: a twin's module, with the numbers replaced that tell their blocks apart.

Where a node and a twin stand equally far from known nodes, the two known nodes' modules show which numbers to replace:
beside `layer.3.norm`, what lies in `layer.1.act` beside `layer.1.norm` lies in `layer.3.act`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from .dataflow import Dataflow
from .scope_tree import Flags, Ids
from .wl_colours import colourings

# How many twins on either side of a node are asked.
_NEIGHBOURS_PER_SIDE = 2


def analogous_modules(flow: Dataflow, scopes: Sequence[str | None]) -> dict[int, str]:
    """Return the module that twins suggest for nodes whose own (`scopes`) is None, where they suggest one."""
    known: Flags = np.array([scope is not None for scope in scopes], np.bool_)
    if known.all() or not known.any():
        return {}
    index = np.arange(len(known))
    before: Ids = np.maximum.accumulate(np.where(known, index, -1))
    after: Ids = np.minimum.accumulate(np.where(known, index, len(known))[::-1])[::-1]
    suggested: dict[int, str] = {}
    waiting = ~known
    for colour in colourings(flow):
        members: dict[int, list[int]] = defaultdict(list)
        for node, number in enumerate(colour.tolist()):
            if known[node]:
                members[number].append(node)
        for node in np.flatnonzero(waiting).tolist():
            twins = members.get(int(colour[node]))
            if twins is None:
                continue
            waiting[node] = False
            votes = _votes(node, _nearest(twins, node), scopes, flow.ops, (before, after))
            if votes:
                suggested[node] = max(votes, key=lambda scope: (votes[scope], scope))
    return suggested


def _nearest(twins: Sequence[int], node: int) -> Sequence[int]:
    at = bisect_left(twins, node)
    return twins[max(0, at - _NEIGHBOURS_PER_SIDE) : at + _NEIGHBOURS_PER_SIDE]


def _votes(
    node: int,
    twins: Sequence[int],
    scopes: Sequence[str | None],
    ops: Sequence[str],
    sides: tuple[Ids, Ids],
) -> Mapping[str, int]:
    votes: Counter[str] = Counter()
    for side in sides:
        beside = int(side[node])
        if not 0 <= beside < len(ops):
            continue
        for twin in twins:
            mirrored = twin + beside - node
            if not 0 <= mirrored < len(ops) or ops[mirrored] != ops[beside] or scopes[mirrored] is None:
                continue
            moved = _renumbered(str(scopes[twin]), str(scopes[mirrored]), str(scopes[beside]))
            if moved is not None:
                votes[moved] += 1
    return votes


def _renumbered(scope: str, theirs: str, ours: str) -> str | None:
    """Return a scope with the numbers replaced in which two others differ; None where they differ in more."""
    if theirs == ours:
        return scope
    from_atoms, to_atoms, atoms = theirs.split("."), ours.split("."), scope.split(".")
    if len(from_atoms) != len(to_atoms):
        return None
    for index, (one, two) in enumerate(zip(from_atoms, to_atoms, strict=True)):
        if one == two:
            continue
        if not (one.isdecimal() and two.isdecimal()):
            return None
        # Only numbers of blocks that hold the scope as well are replaced.
        if atoms[: index + 1] == from_atoms[: index + 1]:
            atoms[index] = two
            from_atoms[index] = two
    return ".".join(atoms)
