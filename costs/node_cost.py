"""The cost of one node: multiply-accumulates, other operations, and bytes of activations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from .flop_formulas import FLOPS
from .mac_formulas import MACS
from .sizes import LIMIT, Size, UnknownSizeError
from .typed_node import TypedNode

# They read no elements, or give the same memory another shape.
_WITHOUT_BYTES = frozenset(
    ("Constant", "Flatten", "Identity", "Optional", "Reshape", "Shape", "Size", "Squeeze", "Unsqueeze")
)
# They read as many elements of the first input as they write.
_SELECTING = frozenset(("Gather", "GatherElements", "GatherND", "Slice"))
# Their bodies have the cost.
CONTROL_FLOW = frozenset(("If", "Loop", "Scan"))


class NodeCost(NamedTuple):
    """What a node takes: multiply-accumulates, other operations, bytes of activations read and written."""

    macs: Size
    flops: Size
    activation_bytes: Size


NO_COST = NodeCost(0, 0, 0)


@lru_cache(maxsize=1 << 16)
def node_cost(node: TypedNode) -> NodeCost | None:
    """Return the cost of a node; None if it is not known."""
    if node.operator in CONTROL_FLOW:
        return NO_COST
    if node.operator not in FLOPS:
        return None
    try:
        macs = MACS[node.operator](node) if node.operator in MACS else 0
        cost = NodeCost(macs, FLOPS[node.operator](node), sum(_bytes(node)))
    except (UnknownSizeError, ValueError, IndexError):
        # A shape of a wrong rank says as little as none.
        return None
    return cost if all(not isinstance(size, int) or 0 <= size < LIMIT for size in cost) else None


def _bytes(node: TypedNode) -> Iterator[Size]:
    if node.operator in _WITHOUT_BYTES:
        return
    outputs = [value.byte_count for value in node.outputs if value is not None]
    yield from outputs
    for index, value in enumerate(node.inputs):
        if value is None or node.stored[index]:
            continue
        yield outputs[0] if index == 0 and node.operator in _SELECTING else value.byte_count
