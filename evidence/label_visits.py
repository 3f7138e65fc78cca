"""Visits of TorchScript's labels: a label that is left and entered again stands for calls of two modules.

The second call of `relu` has the label `relu_1`, and so has a module that is registered under the name `relu_1`. The
nodes of one call are contiguous, so if nodes with other labels lie between those of `relu_1`, both ran.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import onnx_graphsurgeon as gs

from ..graph.operators import is_auxiliary
from ..identity_map import IdentityMap
from .labels import Labels, without_number


def later_visits(nodes: Iterable[tuple[Labels, gs.Node]]) -> IdentityMap[gs.Node, bool]:
    """Return the nodes whose labels stand for two modules, each with whether it comes after the first visit.

    `nodes` are given in the order of the file, each with its labels. These end in a label with a suffix, the label
    without it occurs as well, neither calls other modules, and all visits consist of the same operators. The modules
    that a second call calls have the first call's label. Auxiliary operations do not count, because exporters and
    optimisers move them.
    """
    visits: dict[Labels, list[list[gs.Node]]] = defaultdict(list)
    last: Labels | None = None
    for labels, node in nodes:
        if is_auxiliary(node):
            continue
        if labels != last:
            visits[labels].append([])
        visits[labels][-1].append(node)
        last = labels
    callers = {labels[:end] for labels in visits for end in range(len(labels))}
    found: IdentityMap[gs.Node, bool] = IdentityMap()
    for labels, parts in visits.items():
        base = without_number(labels)
        if len(parts) > 1 and base in visits and callers.isdisjoint((labels, base)) and _are_alike(parts):
            for number, part in enumerate(parts):
                for node in part:
                    found[node] = number > 0
    return found


def _are_alike(parts: Sequence[Sequence[gs.Node]]) -> bool:
    return len({tuple(node.op for node in part) for part in parts}) == 1
