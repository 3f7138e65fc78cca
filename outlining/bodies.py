"""The nodes of a block as they stand in a function, and the values that a call hands in and takes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import onnx

from .block import Block
from .graph_view import Decisions, GraphView, inner_nodes
from .outlined_functions import move_in


@dataclass(slots=True, eq=False)
class Body:
    """The body of the function of a block.

    `nodes` stand in the order of `block.items`. `inputs` and `outputs` are the values that the block reads and those
    of it that others read, `formal_inputs` and `formal_outputs` their names in the function, if these are others.
    `around` are the items around the block, and `handed_in` those that were taken out of it.
    """

    block: Block
    around: list[int | Block]
    handed_in: list[int | Block]
    nodes: list[onnx.NodeProto]
    inputs: list[str]
    outputs: list[str]
    formal_inputs: list[str] | None = None
    formal_outputs: list[str] | None = None

    @classmethod
    def of(
        cls,
        block: Block,
        around: list[int | Block],
        view: GraphView,
        source: Callable[[int | Block], onnx.NodeProto],
        decisions: Decisions,
    ) -> Body:
        """Return the body of a block. `source` returns the node of an item, or the call of an inner block."""
        nodes: list[onnx.NodeProto] = []
        for item in block.items:
            node = onnx.NodeProto()
            node.CopyFrom(source(item))
            copy_decisions(source(item), node, decisions)
            for moved in chain([node], inner_nodes(node)):
                decision = decisions[moved]
                decisions[moved] = decision._replace(tag=move_in(moved, decision.tag, block.scope))
            nodes.append(node)
        inside = set(block.members)
        written = [name for index in block.members for name in view.writes(index)]
        own = set(written)
        inputs = list(dict.fromkeys(name for index in block.members for name in view.reads[index] if name not in own))
        outputs = [
            name
            for name in written
            if name in view.outputs or any(reader not in inside for reader in view.readers.get(name, ()))
        ]
        # ONNX has no nodes without outputs.
        outputs = outputs or [name for name in written if name not in view.readers] or written[:1]
        return cls(block, around, [], nodes, inputs, outputs)

    def inner_values(self) -> Iterator[str]:
        """Yield the values that only the function has."""
        outputs = set(self.outputs)
        return (name for node in self.nodes for name in node.output if name and name not in outputs)

    def hand_in(self, constants: Collection[onnx.NodeProto]) -> None:
        """Take Constants out of the body, whose values become inputs."""
        taken = {id(node) for node in constants}
        places = [place for place, node in enumerate(self.nodes) if id(node) in taken]
        for place in reversed(places):
            item = self.block.items.pop(place)
            self.handed_in.insert(0, item)
            self.inputs.append(self.nodes.pop(place).output[0])
        names = set(self.inputs)
        self.outputs = [name for name in self.outputs if name not in names]
        self.block.members = [index for index in self.block.members if index not in self.handed_in]


def place_handed_in(bodies: Iterable[Body]) -> None:
    """Put what was taken out of bodies before their blocks."""
    handed_in = {id(body.block): body.handed_in for body in bodies}
    for around in {id(body.around): body.around for body in bodies}.values():
        around[:] = [found for item in around for found in (*handed_in.get(id(item), ()), item)]


def copy_decisions(node: onnx.NodeProto, copy: onnx.NodeProto, decisions: Decisions) -> None:
    """Give a copy of a node, and the nodes in its subgraphs, the tags of the original."""
    decisions[copy] = decisions[node]
    if not node.attribute:
        return
    for inner, inner_copy in zip(inner_nodes(node), inner_nodes(copy), strict=True):
        decisions[inner_copy] = decisions[inner]
