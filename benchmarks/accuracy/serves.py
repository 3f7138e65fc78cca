"""The truth for `hpass.serves`: the module that contains all nodes for which an auxiliary operation works.

It is defined for auxiliary operations that ran at the root. The search goes forward from such a node, through other
nodes at the root, to the first nodes of modules. Their common ancestor is the served module:

    mask -- Unsqueeze -- Cast -- Sub -- Mul --+-- Add (encoder.layer.0.attention)
            (all at the root)                 +-- Add (encoder.layer.1.attention)      serves `encoder.layer`

A container that never runs is not a level of tags, so the result is `encoder`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from .scopes import common_ancestor, nearest_called
from .value_readers import readers


def serves_truth(
    model: onnx.ModelProto, truth: Sequence[str | None], auxiliary: Sequence[int], called: Collection[str]
) -> Mapping[int, str]:
    """Return a mapping from the positions of auxiliary operations at the root to the modules below it that they serve.

    Operations that serve the root are omitted.
    """
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
