"""A piece of a graph: the nodes of a module, the preparing nodes cut in, and the values at its border."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import onnx

from ..graph.dataflow import Dataflow
from .preparation import Preparation


@dataclass(frozen=True)
class Piece:
    """Nodes that become a model of their own.

    `nodes` are the positions of the module's nodes, `copies` has the nodes outside that only prepare what these read,
    by position and in order. `inputs` and `outputs` are the values at the border, in the order of their first uses.
    """

    nodes: Sequence[int]
    copies: Mapping[int, onnx.NodeProto]
    inputs: Sequence[str]
    outputs: Sequence[str]


def cut(preparation: Preparation, nodes: Sequence[int], outputs: Collection[str] | None = None) -> Piece:
    """Return the piece with some nodes, given by their positions in order.

    A value from outside is computed in the piece if it is a constant, or made of sizes that the piece knows. `outputs`
    are the values that others ask for; without them, the values that others read.
    """
    flow = preparation.flow
    written = {name for index in nodes for name in flow.writes[index]}
    needed = [name for index in nodes for name in flow.reads[index] if name not in written]
    outside = [name for name in dict.fromkeys(needed) if name not in flow.weights]
    copies: dict[int, onnx.NodeProto] = {}
    asked: list[str] = []
    pending: list[str] = []
    for name in outside:
        producer = flow.producers.get(name)
        if producer is None or not preparation.size[producer]:
            asked.append(name)
        else:
            pending.append(name)
    while pending:
        available = {*written, *asked}
        cones = {name: preparation.cone(name, available, asked) for name in pending}
        for cone in cones.values():
            copies.update(cone or {})
        left = [name for name, cone in cones.items() if cone is None]
        # One value more is asked for, which may be all that the others need.
        asked += left[:1]
        pending = left[1:]
    inputs = tuple(name for name in outside if name in asked)
    return Piece(tuple(nodes), dict(sorted(copies.items())), inputs, tuple(_outputs(preparation, nodes, outputs)))


def returns(flow: Dataflow, piece: Piece) -> bool:
    """Whether an input of a piece depends on one of its outputs: the piece is not convex."""
    reached = {name for index in piece.nodes for name in flow.writes[index]}
    members = set(piece.nodes)
    last = max((flow.producers.get(name, -1) for name in piece.inputs), default=-1)
    for index in range(piece.nodes[0], last + 1):
        if index not in members and not reached.isdisjoint(flow.reads[index]):
            reached.update(flow.writes[index])
    return not reached.isdisjoint(piece.inputs)


def between(flow: Dataflow, nodes: Sequence[int]) -> list[int]:
    """Return the other nodes on the way from some nodes to others of them, in order; none if they are convex."""
    members = set(nodes)
    reached = {name for index in nodes for name in flow.writes[index]}
    behind: list[int] = []
    for index in range(nodes[0], nodes[-1] + 1):
        if index not in members and not reached.isdisjoint(flow.reads[index]):
            reached.update(flow.writes[index])
            behind.append(index)
    needed = {name for index in nodes for name in flow.reads[index]}
    found: list[int] = []
    for index in reversed(behind):
        if not needed.isdisjoint(flow.writes[index]):
            needed.update(flow.reads[index])
            found.append(index)
    return found[::-1]


def _outputs(preparation: Preparation, nodes: Sequence[int], asked: Collection[str] | None) -> list[str]:
    flow = preparation.flow
    members = set(nodes)
    written = [name for index in nodes for name in flow.writes[index]]
    if asked is not None:
        return [name for name in written if name in asked]
    results = set(flow.outputs)
    read_outside = [
        name for name in written if name in results or any(reader not in members for reader in flow.consumers[name])
    ]
    computed = [name for name in read_outside if name in results or not preparation.is_size(name)]
    return computed or read_outside or [name for name in written if not flow.consumers[name]]
