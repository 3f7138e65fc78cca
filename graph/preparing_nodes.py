"""Which nodes prepare: they read nothing but weights and other constants, or compute with the sizes of values."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import onnx

from .dataflow import Dataflow
from .operators import AUXILIARY_OPERATORS, RANDOM_OPERATORS

SIZE_OPERATORS = ("Shape", "Size")
# What exporters compute with sizes: the size of a reshaped tensor, a scale, a mask of the causal past.
_ARITHMETIC = AUXILIARY_OPERATORS | {
    *("Abs", "Add", "Ceil", "CumSum", "Div", "Floor", "Max", "Min", "Mod", "Mul", "Neg", "Pow", "Reciprocal"),
    *("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Sqrt", "Sub"),
}
_PREPARING = _ARITHMETIC | {*SIZE_OPERATORS, "DequantizeLinear", "QuantizeLinear"}
_STANDARD_DOMAINS = ("", "ai.onnx")
_FLOATS = frozenset(
    (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
)


@dataclass(frozen=True)
class PreparingNodes:
    """The nodes of a graph that prepare: constants, and arithmetic on sizes.

    `constant` says of each node whether it reads nothing but weights and other constants, `size` whether it reads
    nothing but constants and the sizes of values. `folded_from` has the weight that each folded value was computed
    from, None if the value is no weight.
    """

    flow: Dataflow
    constant: list[bool]
    size: list[bool]
    folded_from: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"], repr=False, kw_only=True)
    _weights_read: dict[int, list[str]] = field(default_factory=dict[int, list[str]], repr=False, kw_only=True)

    @classmethod
    def of(cls, flow: Dataflow, folded_from: Mapping[str, str | None]) -> PreparingNodes:
        """Find the nodes that prepare."""
        return cls(flow, *find_preparing_nodes(flow), folded_from=folded_from)

    def content(self, name: str) -> Hashable:
        """Return what the weights have in common that are copies of one weight. No value is read."""
        return self.folded_from.get(name, name)

    def computes(self, index: int) -> bool:
        """Whether a node does more than to prepare values for others, if only on constants."""
        return not self.size[index] or self.flow.nodes[index].op_type not in _PREPARING

    def weights_read(self, index: int) -> list[str]:
        """Return the weights that a node reads, directly or through nodes that prepare them.

        A weight has more than one floating number.
        """
        if index not in self._weights_read:
            self._weights_read[index] = list(self._find_weights(index))
        return self._weights_read[index]

    @cached_property
    def _large_weights(self) -> frozenset[str]:
        return frozenset(
            name
            for name, weight in self.flow.weights.items()
            if isinstance(weight, onnx.TensorProto)
            and weight.data_type in _FLOATS
            and any(size > 1 for size in weight.dims)
            and self.folded_from.get(name, name) is not None
        )

    def _find_weights(self, index: int) -> Iterator[str]:
        pending = list(self.flow.reads[index])
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self._large_weights:
                yield name
            producer = self.flow.producers.get(name)
            if producer is not None and self.constant[producer] and not self.computes(producer):
                pending += self.flow.reads[producer]


def find_preparing_nodes(flow: Dataflow) -> tuple[list[bool], list[bool]]:
    """Return of each node whether it is constant, and whether it is made of sizes, as `PreparingNodes` has them.

    It takes one walk, because producers stand before consumers.
    """
    constant: list[bool] = []
    size: list[bool] = []
    for index, node in enumerate(flow.nodes):
        producers = [flow.producers.get(name) for name in flow.reads[index] if name not in flow.weights]
        is_constant = node.op_type not in RANDOM_OPERATORS and all(
            producer is not None and producer < index and constant[producer] for producer in producers
        )
        constant.append(is_constant)
        standard = node.domain in _STANDARD_DOMAINS
        size.append(
            is_constant
            or (standard and node.op_type in SIZE_OPERATORS)
            or (
                standard
                and node.op_type in _ARITHMETIC
                and all(
                    producer is not None and producer < index and (constant[producer] or size[producer])
                    for producer in producers
                )
            )
        )
    return constant, size
