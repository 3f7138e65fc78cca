"""The original names of values that onnxruntime's layout optimisers renamed.

For channels in blocks (NCHWc), onnxruntime writes a convolution as a node `NAME_nchwc` that writes a new value
`reorder_token_N`, where NAME is the original output. An addition and an activation behind it may be part of that node.
A node that it moves to the other side of a Transpose keeps its name and writes a new value.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from ..graph.flat_nodes import FlatGraph, FlatNode

# Normalisations and multiplications become convolutions as well.
_SUFFIX = re.compile(r"(_bn|_mul)?_nchwc$")
# A convolution reads a value, weights and a bias; a fourth input is what is added.
_INPUTS_WITH_SUM = 4
_ACTIVATION = "activation"
_ADDITIONS = frozenset(("Add", "Sum"))


class Renames(NamedTuple):
    """The original names of values of the optimised graph, and the original node that a node's name names."""

    values: dict[str, str]
    nodes: dict[FlatNode, FlatNode]


def find_renames(original: FlatGraph, optimised: FlatGraph) -> Renames:
    """Return the values of the optimised graph that have other names in the original, and the nodes that write them."""
    writer = {name: node for node in original.nodes for name in node.writes}
    readers: defaultdict[str, list[FlatNode]] = defaultdict(list)
    for node in original.nodes:
        for name in node.reads:
            readers[name].append(node)
    by_name = {node.name: node for node in original.nodes if node.name}
    kept = {node.name for node in optimised.nodes}
    found = Renames({}, {})
    for node in optimised.nodes:
        same = by_name.get(node.name)
        if same is not None and same.operator == node.operator:
            found.nodes[node] = same
        if any(name in writer for name in node.writes):
            continue
        if node in found.nodes:
            found.values.update(zip(node.writes, found.nodes[node].writes, strict=False))
            continue
        value = _SUFFIX.sub("", node.name)
        if value == node.name or value not in writer or not node.writes:
            continue
        found.nodes[node] = writer[value]
        if node.inputs == _INPUTS_WITH_SUM:
            value = _behind(value, readers, kept)
        if _ACTIVATION in node.attributes and writer[value].operator in _ADDITIONS | {node.operator}:
            value = _behind(value, readers, kept)
        found.values[node.writes[0]] = value
    return found


def _behind(value: str, readers: dict[str, list[FlatNode]], kept: set[str]) -> str:
    """Return what the only reader of a value writes, if the optimised graph lacks that reader; else the value."""
    behind = readers.get(value, [])
    if len(behind) == 1 and behind[0].name not in kept and len(behind[0].writes) == 1:
        return behind[0].writes[0]
    return value
