"""What `hpass.serves` should say: the module that contains all the work an auxiliary operation prepares.

It is asked of auxiliary operations that ran at the root. From such a node the search goes forward, through
whatever else ran at the root, to the first nodes of modules; their common ancestor is what it serves:

    mask -- Unsqueeze -- Cast -- Sub -- Mul --+-- Add (encoder.layer.0.attention)
            (all at the root)                 +-- Add (encoder.layer.1.attention)      serves `encoder.layer`

A container that never runs is no module of a tag, so the answer is cut back to `encoder`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from .dataflow import readers
from .scopes import common_ancestor, nearest_called


def serves_truth(
    model: onnx.ModelProto, truth: Sequence[str | None], auxiliary: Sequence[int], called: Collection[str]
) -> Mapping[int, str]:
    """Return position -> module served, for the auxiliary operations at the root that serve one below it."""
    nodes, reading = model.graph.node, readers(model)
    outputs = {value.name for value in model.graph.output}
    reached: list[frozenset[str]] = [frozenset()] * len(nodes)
    for i in reversed(range(len(nodes))):
        if truth[i]:
            reached[i] = frozenset((str(truth[i]),))
        else:
            below = [reached[reader] for name in nodes[i].output for reader in reading.get(name, ())]
            ends = [frozenset(("",))] if outputs.intersection(nodes[i].output) else []
            reached[i] = frozenset().union(*below, *ends)
    served: dict[int, str] = {}
    for i in auxiliary:
        if truth[i] == "" and reached[i]:
            scope = nearest_called(common_ancestor(reached[i]), called)
            if scope:
                served[i] = scope
    return served
