"""Rename values in the messages of a graph and its subgraphs, so that every node reads what it read before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import onnx

from .decode import as_text, is_utf8
from .walk import GraphLike, attribute_graphs


@dataclass(slots=True, eq=False)
class Value:
    """A value: its name, a new name or None, and whether it is part of an interface, which keeps its names."""

    name: str
    new_name: str | None = None
    is_fixed: bool = False

    @property
    def final_name(self) -> str:
        """The name that the value gets."""
        return self.name if self.new_name is None else self.new_name


@dataclass(slots=True, eq=False)
class _Region:
    """A graph, the region around it, and the values that it defines."""

    graph: GraphLike
    parent: _Region | None
    values: dict[str, Value] = field(default_factory=dict[str, Value])

    def find(self, name: str) -> Value | None:
        """Return the value that a name means in this region; None if nothing defines it."""
        region: _Region | None = self
        while region is not None:
            if name in region.values:
                return region.values[name]
            region = region.parent
        return None


class ValueNames:
    """The values of a graph, or of a function, and of its subgraphs."""

    def __init__(self, holder: GraphLike) -> None:
        self._regions = [_Region(holder, None)]
        # The list grows while it is read, so a region comes before those in it.
        for region in self._regions:
            self._define(region)
            for node in region.graph.node:
                if node.attribute:
                    self._regions += [_Region(graph, region) for graph in attribute_graphs(node.attribute)]
        self._reads = list(self._find_reads())

    def outputs(self) -> Iterator[tuple[onnx.NodeProto, list[Value | None]]]:
        """Yield every node with the values that it writes; None for an output that cannot get another name."""
        for region in self._regions:
            for node in region.graph.node:
                values = [region.values.get(as_text(name)) for name in node.output]
                yield node, [None if value is None or value.is_fixed else value for value in values]

    def rename(self, new_names: Mapping[Value, str]) -> int:
        """Give values new names and return the number of those that got one.

        A value keeps its name if the new one is taken in its region, or if a node would then read another value.
        """
        for value, name in new_names.items():
            value.new_name = name
        while any([self._revert_taken(), self._revert_captured()]):
            pass
        for region in self._regions:
            _write(region)
        return sum(value.new_name is not None for value in new_names)

    def _define(self, region: _Region) -> None:
        graph, values = region.graph, region.values
        if isinstance(graph, onnx.GraphProto):
            fixed = [info.name for info in graph.input]
            fixed += [tensor.name for tensor in graph.initializer]
            fixed += [sparse.values.name for sparse in graph.sparse_initializer]
        else:
            fixed = list(graph.input)
        for name in map(as_text, fixed):
            values[name] = Value(name, is_fixed=True)
        for name in (name for node in graph.node for name in node.output if name):
            text = as_text(name)
            if text in values or not is_utf8(name):
                # Another value has the name, or it cannot be written as it was.
                values.setdefault(text, Value(text)).is_fixed = True
            else:
                values[text] = Value(text)
        for output in graph.output:
            name = as_text(output.name if isinstance(output, onnx.ValueInfoProto) else output)
            value = region.find(name)
            if value is not None:
                value.is_fixed = True

    def _find_reads(self) -> Iterator[tuple[_Region, Value]]:
        """Yield what each region reads, once. A name that nothing defines is a value of the outermost region."""
        for region in self._regions:
            for name in dict.fromkeys(name for node in region.graph.node for name in node.input if name):
                text = as_text(name)
                value = region.find(text)
                if value is None:
                    value = self._regions[0].values[text] = Value(text, is_fixed=True)
                yield region, value

    def _revert_taken(self) -> bool:
        """Let values of one region keep their names if several would get the same; return whether there were any."""
        reverted = False
        for region in self._regions:
            owners: dict[str, Value] = {}
            for value in region.values.values():
                other = owners.setdefault(value.final_name, value)
                if other is not value:
                    reverted |= _revert(value, other)
        return reverted

    def _revert_captured(self) -> bool:
        """Let values keep their names if a node would read another one; return whether there were any."""
        reverted = False
        final = {id(region): {value.final_name: value for value in region.values.values()} for region in self._regions}
        for start, value in self._reads:
            region: _Region | None = start
            while region is not None and value.final_name not in final[id(region)]:
                region = region.parent
            found = None if region is None else final[id(region)][value.final_name]
            if found is not None and found is not value:
                reverted |= _revert(value, found)
        return reverted


def _revert(*values: Value) -> bool:
    reverted = any(value.new_name is not None for value in values)
    for value in values:
        value.new_name = None
    return reverted


def _write(region: _Region) -> None:
    """Write the new names of values into the message of a graph, but not into its subgraphs."""
    for node in region.graph.node:
        _write_names(region, node.input)
        _write_names(region, node.output)
    for info in region.graph.value_info:
        _write_field(region, info, "name")
    if isinstance(region.graph, onnx.GraphProto):
        for annotation in region.graph.quantization_annotation:
            _write_field(region, annotation, "tensor_name")
            for entry in annotation.quant_parameter_tensor_names:
                _write_field(region, entry, "value")


def _write_names(region: _Region, names: Any) -> None:
    for index, name in enumerate(names):
        new_name = _new_name(region, name)
        if new_name is not None:
            names[index] = new_name


def _write_field(region: _Region, message: Any, field_name: str) -> None:
    new_name = _new_name(region, getattr(message, field_name))
    if new_name is not None:
        setattr(message, field_name, new_name)


def _new_name(region: _Region, name: str | bytes) -> str | None:
    value = region.find(as_text(name)) if name else None
    return None if value is None else value.new_name
