"""The sequence in which the nodes of a region are looked at: the file's, unless a tool has shuffled that.

Module calls are contiguous intervals of the order in which an exporter writes nodes. Quantisers and optimisers sort
anew, and then nodes of many modules lie between each other. A depth-first walk from the outputs, each node behind what
it reads, brings most of them together again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .dataflow import Dataflow
from .scope_tree import Ids

# With fewer changes between modules, for each module, there is nothing to mend.
_MAX_CHANGES_PER_MODULE = 1.2
# The walk must do away with so large a share of them to be believed.
_MIN_REDUCTION = 0.1


def node_order(flow: Dataflow, scopes: Sequence[str | None]) -> Ids:
    """Return the positions of the nodes in the sequence to look at them; `scopes` are those known, None elsewhere."""
    in_file = np.arange(len(flow))
    numbers = {scope: number for number, scope in enumerate(dict.fromkeys(scopes)) if scope is not None}
    known = np.array([-1 if scope is None else numbers[scope] for scope in scopes], np.int64)
    changes = _module_changes(known)
    if changes <= _MAX_CHANGES_PER_MODULE * len(numbers):
        return in_file
    walked = _postorder(flow)
    return walked if _module_changes(known[walked]) <= (1 - _MIN_REDUCTION) * changes else in_file


def _module_changes(known: Ids) -> int:
    """Return how often a known node lies in another module than the known one before it."""
    return int(np.count_nonzero(np.diff(known[known >= 0])))


def _postorder(flow: Dataflow) -> Ids:
    """Return all nodes, each behind those it reads from, by a depth-first walk from those that nobody reads."""
    seen = np.zeros(len(flow), np.bool_)
    found: list[int] = []
    for last in (index for index, readers in enumerate(flow.consumers) if not readers):
        seen[last] = True
        pending = [(last, iter(flow.inputs[last]))]
        while pending:
            node, producers = pending[-1]
            producer = next((index for index in producers if not seen[index]), None)
            if producer is None:
                found.append(node)
                pending.pop()
            else:
                seen[producer] = True
                pending.append((producer, iter(flow.inputs[producer])))
    return np.array(found, np.int64)
