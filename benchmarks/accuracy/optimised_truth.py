"""The truth for the nodes of an optimised model, worked out from the original and its truth alone.

A node that writes a tensor of the original with the same operator has the module of the original's node. Any
other node is new; it stands in a region between tensors that survived, and gets the common ancestor of the
original nodes in the same region:

    original     x -- MatMul (a.query) -- m -- Add (a.query) -- y          x and y survive, m does not
    optimised    x -- Quantize -- MatMulInteger -- Cast -- Mul -- Add -- y
                      all but the Add are new, and their region holds the MatMul and the Add of a.query
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import onnx

from .baselines import common_ancestor, reads


@dataclass(frozen=True)
class Truth:
    """The module of a node in an optimised model, if there is one, and whether the node is new."""

    scope: str | None
    new: bool


class _Graph:
    """Who writes and who reads each value of a model's main graph."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes: Sequence[onnx.NodeProto] = model.graph.node
        self.inputs = [[name for name in reads(node) if name] for node in self.nodes]
        self.writer = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        self.readers: dict[str, list[int]] = {}
        for i, names in enumerate(self.inputs):
            for name in names:
                self.readers.setdefault(name, []).append(i)


def optimised_truth(
    original: onnx.ModelProto, truth: Sequence[str | None], optimised: onnx.ModelProto
) -> list[Truth]:
    """Return the truth for every node of the optimised main graph."""
    old, new = _Graph(original), _Graph(optimised)
    surviving = set(old.writer) & set(new.writer)
    return [_truth_of(i, old, truth, new, surviving) for i in range(len(new.nodes))]


def _passes_data_on(node: onnx.NodeProto) -> bool:
    """Whether what a node writes depends on what it reads, and not on its shape alone."""
    return node.op_type not in ("Shape", "Size")


def _any(_: onnx.NodeProto) -> bool:
    return True


def _truth_of(i: int, old: _Graph, truth: Sequence[str | None], new: _Graph, surviving: set[str]) -> Truth:
    node = new.nodes[i]
    for name in node.output:
        writer = old.writer.get(name)
        if writer is not None and old.nodes[writer].op_type == node.op_type:
            return Truth(truth[writer], new=False)
    ends = _ends(i, new, surviving, _passes_data_on) or _ends(i, new, surviving, _any)
    region = set(_region(old, ends, surviving))
    scopes = [scope for k in region if (scope := truth[k]) is not None]
    return Truth(common_ancestor(scopes) if scopes else None, new=True)


def _ends(
    start: int, new: _Graph, surviving: set[str], through: Callable[[onnx.NodeProto], bool]
) -> set[str]:
    """Return the surviving values that a new node's result reaches first, through nodes of the given kind."""
    ends: set[str] = set()
    pending, seen = [start], {start}
    while pending:
        for name in new.nodes[pending.pop()].output:
            if name in surviving:
                ends.add(name)
                continue
            readers = (reader for reader in new.readers.get(name, ()) if through(new.nodes[reader]))
            fresh = [reader for reader in readers if reader not in seen]
            seen.update(fresh)
            pending.extend(fresh)
    return ends


def _region(old: _Graph, ends: set[str], surviving: set[str]) -> Iterator[int]:
    """Yield the original nodes that lead to these values, back to the next surviving values."""
    pending = [old.writer[name] for name in ends]
    seen = set(pending)
    while pending:
        i = pending.pop()
        yield i
        before = {old.writer[name] for name in old.inputs[i] if name in old.writer and name not in surviving}
        pending.extend(before - seen)
        seen |= before
