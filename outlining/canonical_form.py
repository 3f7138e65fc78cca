"""What is equal in functions that do the same: a form without names, in an order that depends on the edges alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import NamedTuple

import onnx
from onnx import AttributeProto

from ..graph.decode import as_text
from ..graph.values_read import values_read
from ..graph.walk import attribute_graphs, nodes_within
from ..tags.tag_format import SERVES, WITHIN, WITHIN_SERVES, tag_entries
from .function_body import defined_names, rename_values
from .messages import domain_of

Kind = Callable[[str], Hashable]
"""What must be equal of what two functions read: the type and the shape of a weight."""


class CanonicalForm(NamedTuple):
    """The form of a function.

    Functions with equal `key` do the same but for the values of constants and weights. `nodes` are the nodes in
    canonical order, and `values` the values that are read or written, in the order of first use. `constants` has for
    each Constant, by its place in `nodes`, what it holds.
    """

    key: bytes
    nodes: list[onnx.NodeProto]
    values: list[str]
    constants: dict[int, bytes]


def canonical_form(nodes: Sequence[onnx.NodeProto], kind: Kind) -> CanonicalForm:
    """Return the form of a function with these nodes, given in an order in which they can run."""
    reads = [[name for name in values_read(node) if name] for node in nodes]
    producers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    order = _order(nodes, reads, producers, _colours(nodes, reads, producers, kind))
    numbers: dict[str, int] = {}
    records: list[Hashable] = []
    constants: dict[int, bytes] = {}
    for place, index in enumerate(order):
        node = nodes[index]
        new = [name for name in reads[index] if name not in numbers]
        for name in (*reads[index], *filter(None, node.output)):
            numbers.setdefault(name, len(numbers))
        inputs = tuple(numbers.get(name, -1) for name in node.input)
        outputs = tuple(bool(name) for name in node.output)
        kinds = tuple(kind(name) for name in dict.fromkeys(new))
        records.append((_what(node, lambda name: f"v{numbers[name]}"), inputs, outputs, kinds))
        if _is_constant(node):
            constants[place] = _held(node)
    key = _digest(*records)
    return CanonicalForm(key, [nodes[index] for index in order], list(numbers), constants)


def _digest(*items: Hashable) -> bytes:
    return blake2b(repr(items).encode(), digest_size=16).digest()


def _colours(
    nodes: Sequence[onnx.NodeProto], reads: Sequence[Sequence[str]], producers: Mapping[str, int], kind: Kind
) -> list[bytes]:
    """Return a digest of each node, of all that it depends on and of all that depends on it."""
    colours: list[bytes] = []
    places = [{name: place for place, name in enumerate(node.output)} for node in nodes]

    def value_colour(name: str) -> Hashable:
        producer = producers.get(name)
        return ("given", kind(name)) if producer is None else (colours[producer], places[producer][name])

    for index, node in enumerate(nodes):
        known = {name: str(value_colour(name)) for name in reads[index]}
        inputs = tuple(known.get(name, "") for name in node.input)
        colours.append(_digest(_what(node, known.__getitem__), inputs, len(node.output)))
    readers: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for index, names in enumerate(reads):
        for place, name in enumerate(names):
            if name in producers:
                readers[producers[name]].append((index, place))
    for index in reversed(range(len(nodes))):
        colours[index] = _digest(colours[index], *sorted((colours[reader], place) for reader, place in readers[index]))
    return colours


def _order(
    nodes: Sequence[onnx.NodeProto],
    reads: Sequence[Sequence[str]],
    producers: Mapping[str, int],
    colours: Sequence[bytes],
) -> list[int]:
    """Return an order in which the nodes can run; of those that can, the one with the lowest colour comes first."""
    feeds: list[set[int]] = [set() for _ in nodes]
    for index, names in enumerate(reads):
        for name in names:
            if name in producers:
                feeds[producers[name]].add(index)
    waits = [0] * len(nodes)
    for targets in feeds:
        for target in targets:
            waits[target] += 1
    ready = [(colours[index], index) for index, waiting in enumerate(waits) if not waiting]
    heapify(ready)
    order: list[int] = []
    while ready:
        _, index = heappop(ready)
        order.append(index)
        for target in feeds[index]:
            waits[target] -= 1
            if not waits[target]:
                heappush(ready, (colours[target], target))
    return order


def _what(node: onnx.NodeProto, name_of: Callable[[str], str]) -> Hashable:
    """Return what a node does: operator, module, and attributes but for what a Constant holds."""
    notes = dict(tag_entries(node)) if node.metadata_props else {}
    module = tuple(notes.get(key) for key in (WITHIN, WITHIN_SERVES, SERVES))
    return (
        as_text(node.op_type),
        domain_of(node.domain),
        module,
        tuple(sorted(_attributes(node, name_of), key=itemgetter(0))),
    )


def _attributes(node: onnx.NodeProto, name_of: Callable[[str], str]) -> Iterator[tuple[str, int, Hashable]]:
    """Yield the name, the type and the content of each attribute; of what a Constant holds, only types and sizes."""
    if any(True for _ in attribute_graphs(node.attribute)):
        node = _without_names(node, name_of)
    is_constant = _is_constant(node)
    for attribute in node.attribute:
        if is_constant:
            sizes = (*attribute.t.dims, len(attribute.ints), len(attribute.floats), len(attribute.strings))
            yield as_text(attribute.name), attribute.type, (attribute.t.data_type, sizes)
        else:
            yield as_text(attribute.name), attribute.type, attribute.SerializeToString(deterministic=True)


def _without_names(node: onnx.NodeProto, name_of: Callable[[str], str]) -> onnx.NodeProto:
    """Return a copy of a node with subgraphs whose values have no names of their own."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    outer = {name for name in values_read(node) if name}
    inner = {name: f"inner{place}" for place, name in enumerate(dict.fromkeys(defined_names(copy.attribute)))}
    rename_values(copy, {name: name_of(name) for name in outer} | inner)
    for held in nodes_within(*attribute_graphs(copy.attribute)):
        notes = [entry for entry in tag_entries(held) if entry[0] in {WITHIN, WITHIN_SERVES, SERVES}]
        held.ClearField("name")
        held.ClearField("doc_string")
        del held.metadata_props[:]
        for key, value in sorted(notes):
            held.metadata_props.add(key=key, value=value)
    for graph in attribute_graphs(copy.attribute):
        graph.ClearField("name")
    return copy


def _is_constant(node: onnx.NodeProto) -> bool:
    plain = (AttributeProto.SPARSE_TENSOR, AttributeProto.GRAPH)
    return node.op_type == "Constant" and all(attribute.type not in plain for attribute in node.attribute)


def _held(node: onnx.NodeProto) -> bytes:
    held = onnx.NodeProto(attribute=node.attribute)
    for attribute in held.attribute:
        attribute.ClearField("doc_string")
        if attribute.HasField("t"):
            attribute.t.ClearField("name")
    return held.SerializeToString(deterministic=True)
