"""The truth for the nodes of an optimised model, derived from the original model and its truth.

A node that writes a tensor of the original with the same operator was kept, and has the module of the original node.
Any other node is new. It lies between tensors that survived, and its module is the common ancestor of the original
nodes between these tensors that were not kept:

    original     x -- MatMul (a.query) -- m -- Add (a.query) -- y -- Reshape (a) -- z       x and z survive
    optimised    x -- Reshape -- Gemm -- Reshape -- z                                       the last Reshape is kept
                      the first Reshape and the Gemm are new, and replace MatMul and Add: a.query

If a new node replaces nothing, like a QuantizeLinear before a kept MatMul, its module is the common ancestor of the
kept nodes that its result reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from .scopes import common_ancestor
from .value_readers import readers, reads


@dataclass(frozen=True)
class Truth:
    """The module of a node in an optimised model (None if it is unknown), and whether the node is new."""

    scope: str | None
    new: bool


class _Graph:
    """The writer and the readers of each value of a model's main graph."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes: Sequence[onnx.NodeProto] = model.graph.node
        self.inputs = [reads(node) for node in self.nodes]
        self.writer = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        self.graph_inputs = {value.name for value in model.graph.input}
        self.readers = readers(model)


def optimised_truth(original: onnx.ModelProto, truth: Sequence[str | None], optimised: onnx.ModelProto) -> list[Truth]:
    """Return the truth for every node of the optimised main graph."""
    old, new = _Graph(original), _Graph(optimised)
    surviving = set(old.writer) & set(new.writer)
    return [_truth_of(i, old, truth, new, surviving) for i in range(len(new.nodes))]


def _reads_values(node: onnx.NodeProto) -> bool:
    """Whether the outputs of a node depend on the values of its inputs, and not only on their shapes."""
    return node.op_type not in ("Shape", "Size")


def _any(_: onnx.NodeProto) -> bool:
    return True


def _truth_of(i: int, old: _Graph, truth: Sequence[str | None], new: _Graph, surviving: set[str]) -> Truth:
    for name in new.nodes[i].output:
        if name in surviving and _is_kept(name, old, new):
            return Truth(truth[old.writer[name]], new=False)
    results = _surviving_results(i, new, surviving, _reads_values) or _surviving_results(i, new, surviving, _any)
    kept = {old.writer[name] for name in results if _is_kept(name, old, new)}
    replaced = _original_ancestors(old, results, kept, surviving)
    sources = _surviving_sources(i, new, surviving)
    for group in (_descendants_among(old, sources, replaced), kept, replaced) if sources else (replaced, kept):
        scopes = [scope for k in group if (scope := truth[k]) is not None]
        if scopes:
            return Truth(common_ancestor(scopes), new=True)
    return Truth(None, new=True)


def _is_kept(name: str, old: _Graph, new: _Graph) -> bool:
    """Whether the same operator as before writes a surviving value."""
    return old.nodes[old.writer[name]].op_type == new.nodes[new.writer[name]].op_type


def _surviving_results(
    start: int, new: _Graph, surviving: set[str], is_followed: Callable[[onnx.NodeProto], bool]
) -> set[str]:
    """Return the first surviving values that a new node's outputs reach through nodes that `is_followed` accepts."""
    ends: set[str] = set()
    pending, seen = [start], {start}
    while pending:
        for name in new.nodes[pending.pop()].output:
            if name in surviving:
                ends.add(name)
                continue
            readers = (reader for reader in new.readers.get(name, ()) if is_followed(new.nodes[reader]))
            fresh = [reader for reader in readers if reader not in seen]
            seen.update(fresh)
            pending.extend(fresh)
    return ends


def _surviving_sources(end: int, new: _Graph, surviving: set[str]) -> set[str]:
    """Return the nearest surviving values and graph inputs from which a new node's outputs are computed."""
    starts: set[str] = set()
    pending, seen = [end], {end}
    while pending:
        for name in new.inputs[pending.pop()]:
            if name in surviving or name in new.graph_inputs:
                starts.add(name)
            elif (writer := new.writer.get(name)) is not None and writer not in seen:
                seen.add(writer)
                pending.append(writer)
    return starts


def _original_ancestors(old: _Graph, ends: set[str], kept: set[int], surviving: set[str]) -> set[int]:
    """Return the original nodes between `ends` and the previous surviving values, without kept nodes."""

    def before(i: int) -> set[int]:
        return {old.writer[name] for name in old.inputs[i] if name in old.writer and name not in surviving}

    writers = {old.writer[name] for name in ends}
    seen = (writers - kept).union(*(before(i) for i in kept))
    pending = list(seen)
    while pending:
        fresh = before(pending.pop()) - seen
        seen |= fresh
        pending.extend(fresh)
    return seen


def _descendants_among(old: _Graph, starts: set[str], among: set[int]) -> set[int]:
    """Return the original nodes in `among` whose outputs are computed from these values."""
    pending = list(starts)
    found: set[int] = set()
    while pending:
        fresh = {i for i in old.readers.get(pending.pop(), ()) if i in among and _reads_values(old.nodes[i])} - found
        found |= fresh
        pending.extend(name for i in fresh for name in old.nodes[i].output)
    return found
