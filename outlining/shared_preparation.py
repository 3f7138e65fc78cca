"""What one block computes for all blocks of its kind, such as the mask that the first layer makes.

An exporter computes equal expressions once, so the first of several equal blocks has nodes that the others lack. These
nodes are left outside of the block. They keep their module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from .block import Block
from .graph_view import GraphView

_NUMBER = re.compile(r"\d+")


def take_out_shared(view: GraphView, blocks: Sequence[Block], weights: Mapping[str, Sequence[int]]) -> None:
    """Remove the nodes from blocks that read no weights and prepare something for other blocks of the same kind."""
    block_of = {index: block for block in blocks for index in block.members}
    wanted: dict[int, list[int]] = {}
    for block in blocks:
        for index in block.members:
            for source in view.sources(index):
                other = block_of.get(source)
                if other is not None and other is not block and _kind(other) == _kind(block):
                    wanted.setdefault(id(other), []).append(source)
    for block in blocks:
        if id(block) in wanted:
            taken = _preparation(view, block.members, wanted[id(block)], weights)
            left = [index for index in block.members if index not in taken]
            if any(_reads_weights(view, index, weights) for index in left):
                block.members = left


def _kind(block: Block) -> str:
    return _NUMBER.sub("#", block.scope)


def _preparation(
    view: GraphView, members: Sequence[int], wanted: Iterable[int], weights: Mapping[str, Sequence[int]]
) -> set[int]:
    """Return the wanted nodes that depend on no weights read inside, with all that they depend on inside."""
    inside = set(members)
    free: set[int] = set()
    for index in members:
        if not _reads_weights(view, index, weights) and all(
            source in free for source in view.sources(index) if source in inside
        ):
            free.add(index)
    found: set[int] = set()
    pending = [index for index in wanted if index in free]
    while pending:
        current = pending.pop()
        if current not in found:
            found.add(current)
            pending += [source for source in view.sources(current) if source in inside]
    return found


def _reads_weights(view: GraphView, index: int, weights: Mapping[str, Sequence[int]]) -> bool:
    """Whether a node reads a weight of more than one element."""
    return any(
        name in weights and name not in view.producers and prod(weights[name][1:]) > 1 for name in view.reads[index]
    )
