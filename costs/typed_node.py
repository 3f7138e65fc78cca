"""A node with the types of what it reads and writes: all that the formulas of cost see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto

from ..graph.decode import as_text
from .sizes import Size, UnknownSizeError
from .value_types import ValueType

_STANDARD_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class TypedNode:
    """A node of a graph.

    operator: its name; those of other domains than the standard one have it before, as in `com.microsoft::Gelu`.
    attributes: those that are numbers, texts, and lists of whole numbers.
    inputs, outputs: their types; None for one that is left out.
    stored: which inputs are values of the file.
    """

    operator: str
    attributes: tuple[tuple[str, Any], ...]
    inputs: tuple[ValueType | None, ...]
    outputs: tuple[ValueType | None, ...]
    stored: tuple[bool, ...] = ()

    def has(self, index: int) -> bool:
        """Whether the input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def shape(self, index: int) -> tuple[Size, ...]:
        """Return the shape of an input. Raises UnknownSizeError."""
        return _type(self.inputs, index).shape

    def output_shape(self, index: int = 0) -> tuple[Size, ...]:
        """Return the shape of an output. Raises UnknownSizeError."""
        return _type(self.outputs, index).shape

    def elements(self, index: int = 0) -> Size:
        """Return the number of elements of an input. Raises UnknownSizeError."""
        return _type(self.inputs, index).elements

    def output_elements(self, index: int = 0) -> Size:
        """Return the number of elements of an output. Raises UnknownSizeError."""
        return _type(self.outputs, index).elements

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return the value of an attribute; `default` if the node does not have it."""
        return next((value for key, value in self.attributes if key == name), default)


def _type(types: tuple[ValueType | None, ...], index: int) -> ValueType:
    found = types[index] if index < len(types) else None
    if found is None:
        raise UnknownSizeError
    return found


def operator_name(node: onnx.NodeProto) -> str:
    """Return the operator of a node with its domain, if that is not the standard one."""
    domain, operator = as_text(node.domain), as_text(node.op_type)
    return operator if domain in _STANDARD_DOMAINS else f"{domain}::{operator}"


def plain_attributes(node: onnx.NodeProto) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a node that are numbers, texts, or lists of whole numbers."""
    for attribute in node.attribute:
        name = as_text(attribute.name)
        if attribute.type == AttributeProto.INT:
            yield name, attribute.i
        elif attribute.type == AttributeProto.INTS:
            yield name, tuple(attribute.ints)
        elif attribute.type == AttributeProto.FLOAT:
            yield name, attribute.f
        elif attribute.type == AttributeProto.STRING:
            yield name, as_text(attribute.s)
