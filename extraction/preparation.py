"""Which values are constants or sizes: a module that reads such a value computes it instead of asking for it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import onnx

from ..graph.dataflow import Dataflow
from ..graph.files.placeholders import Placeholders
from ..graph.preparing_nodes import SIZE_OPERATORS, PreparingNodes, find_preparing_nodes
from .value_types import ValueTypes


@dataclass(frozen=True)
class Preparation(PreparingNodes):
    """The nodes of a graph that prepare, with the types of values. `placeholders` are those of the model."""

    types: ValueTypes
    placeholders: Placeholders | None
    _contents: dict[str, Hashable] = field(default_factory=dict[str, Hashable], repr=False, kw_only=True)

    @classmethod
    def with_types(
        cls,
        flow: Dataflow,
        types: ValueTypes,
        placeholders: Placeholders | None,
        folded_from: Mapping[str, str | None],
    ) -> Preparation:
        """Find the nodes that prepare."""
        return cls(flow, *find_preparing_nodes(flow), types, placeholders, folded_from=folded_from)

    def content(self, name: str) -> Hashable:
        """Return what weights of equal content share: exporters fold a weight anew for each call of a module."""
        if name not in self._contents:
            weight = self.flow.weights[name]
            self._contents[name] = self._digest(weight) if isinstance(weight, onnx.TensorProto) else name
        return self._contents[name]

    def _digest(self, weight: onnx.TensorProto) -> Hashable:
        """Return a digest of a tensor without its name; the name if its content is external, which is not read."""
        if weight.data_location == onnx.TensorProto.EXTERNAL:
            return weight.name
        if self.placeholders is not None:
            weight = self.placeholders.completed(weight)
        data = weight.raw_data
        if not data:
            unnamed = onnx.TensorProto()
            unnamed.CopyFrom(weight)
            unnamed.ClearField("name")
            data = unnamed.SerializeToString()
        return weight.data_type, tuple(weight.dims), hashlib.blake2b(data, digest_size=16).digest()

    def is_size(self, name: str) -> bool:
        """Whether a value is a constant or made of sizes, and no more than a list of numbers."""
        producer = self.flow.producers.get(name)
        if producer is None or not self.size[producer]:
            return False
        rank = self.types.rank(name)
        return self.constant[producer] or (rank is not None and rank <= 1)

    def cone(self, name: str, available: Collection[str], inputs: Collection[str]) -> dict[int, onnx.NodeProto] | None:
        """Return the nodes that compute a value from available ones, by position; None if that needs another value.

        A node that takes the size of a value which is not available takes it of an input that has the same size.
        """
        found: dict[int, onnx.NodeProto] = {}
        pending = [name]
        while pending:
            current = pending.pop()
            if current in available or current in self.flow.weights:
                continue
            index = self.flow.producers.get(current)
            if index is None or not self.size[index]:
                return None
            if index in found:
                continue
            node = self.flow.nodes[index]
            if (
                node.op_type in SIZE_OPERATORS
                and not self.constant[index]
                and not self._is_at_hand(node.input[0], available)
            ):
                moved = self._with_other_source(node, inputs)
                if moved is None:
                    return None
                found[index] = moved
                continue
            found[index] = node
            pending.extend(self.flow.reads[index])
        return found

    def _is_at_hand(self, name: str, available: Collection[str]) -> bool:
        producer = self.flow.producers.get(name)
        return name in available or name in self.flow.weights or (producer is not None and self.constant[producer])

    def _with_other_source(self, node: onnx.NodeProto, inputs: Iterable[str]) -> onnx.NodeProto | None:
        """Return a Shape node that reads the same symbolic sizes of an input; None if no input has them."""
        dims = self.types.symbols(node.input[0])
        if node.op_type != "Shape" or dims is None:
            return None
        limits = {attribute.name: attribute.i for attribute in node.attribute}
        wanted = dims[slice(limits.get("start", 0), limits.get("end"))]
        if not wanted or None in wanted:
            return None
        for name in inputs:
            known = self.types.symbols(name)
            if known == wanted:
                return _shape_node(node, name)
            # Older opsets have no such attributes.
            for start in range(len(known or ()) - len(wanted) + 1 if limits else 0):
                end = start + len(wanted)
                if known is not None and known[start:end] == wanted:
                    return _shape_node(node, name, start=start, end=end)
        return None


def _shape_node(node: onnx.NodeProto, source: str, **limits: int) -> onnx.NodeProto:
    """Return a Shape node with another input and other limits."""
    moved = onnx.NodeProto()
    moved.CopyFrom(node)
    moved.input[0] = source
    del moved.attribute[:]
    moved.attribute.extend(onnx.helper.make_attribute(key, value) for key, value in limits.items())
    return moved
