"""Pairs of layout operations: a Reshape or Transpose that undoes an earlier one, and what lies between them.

A module that needs its input in another layout changes it, works, and changes it back. Both changes belong to it: to
the common ancestor of what they enclose.
"""

from __future__ import annotations

import numpy as np

from .candidates import UNKNOWN, common_of
from .flow import Flow, Role
from .tree import Flags, Ids, ScopeTree

# How far back along the data a partner is looked for.
_REACH = 32


def enclosed_modules(flow: Flow, tree: ScopeTree, known: Flags, scopes: Ids) -> Ids:
    """Return, for each layout operation with a partner, the module of the known nodes they enclose; else UNKNOWN."""
    owners: list[int] = []
    inside: list[int] = []
    found: set[int] = set()
    layout = ((flow.role == Role.RESHAPING) | (flow.role == Role.MOVING)).tolist()
    back = _data_inputs(flow)
    for node in np.flatnonzero(layout).tolist():
        first, between = _partner(node, flow.ops, layout, back)
        members = [item for item in between if known[item]]
        if first < 0 or not members:
            continue
        for end in (first, node):
            # Of several pairs the innermost, which is found first, says most.
            if end not in found:
                found.add(end)
                owners.extend([end] * len(members))
                inside.extend(members)
    if not owners:
        return np.full(len(flow), UNKNOWN, np.int64)
    return common_of(np.array(owners, np.int64), scopes[np.array(inside, np.int64)], len(flow), tree)


def _data_inputs(flow: Flow) -> list[int]:
    """Return the node that each node takes its data from: the first producer that handles data, or -1."""
    handles = (flow.role > Role.SHAPE).tolist()
    return [next((item for item in inputs if handles[item]), -1) for inputs in flow.inputs]


def _partner(node: int, ops: list[str], layout: list[bool], back: list[int]) -> tuple[int, list[int]]:
    """Return the earlier operation that a node undoes (or -1), and the nodes between that change no layout."""
    open_ops = [ops[node]]
    between: list[int] = []
    current = back[node]
    for _ in range(_REACH):
        if current < 0:
            return -1, between
        if not layout[current]:
            between.append(current)
        elif ops[current] == open_ops[-1]:
            open_ops.pop()
            if not open_ops:
                return current, between
        else:
            open_ops.append(ops[current])
        current = back[current]
    return -1, between
