"""Renaming values never changes what a node reads, whatever names graphs of any nesting have."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from hypothesis import given
from hypothesis import strategies as st

from hpass.graph.rename_values import ValueNames
from hpass.graph.walk import GraphLike, attribute_graphs

NAMES = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def graphs(draw: st.DrawFn, depth: int = 2) -> onnx.GraphProto:
    graph = onnx.GraphProto(name="g")
    graph.input.extend(onnx.ValueInfoProto(name=name) for name in draw(st.lists(NAMES, max_size=1)))
    for _ in range(draw(st.integers(1, 3))):
        node = graph.node.add(op_type="Op", input=draw(st.lists(NAMES, max_size=2)), output=[draw(NAMES)])
        if depth and draw(st.booleans()):
            node.attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g.CopyFrom(draw(graphs(depth - 1)))
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in draw(st.lists(NAMES, max_size=1)))
    return graph


def reads(graph: GraphLike, outer: tuple[dict[str, object], ...] = (), path: tuple[int, ...] = ()) -> Iterator[object]:
    """Yield where each input of each node is defined: the path of the graph, and the place in it."""
    assert isinstance(graph, onnx.GraphProto)
    defined: dict[str, object] = {}
    for place, name in enumerate(value.name for value in graph.input):
        defined.setdefault(name, (path, "input", place))
    for place, node in enumerate(graph.node):
        defined.setdefault(node.output[0], (path, "node", place))
    visible = (defined, *outer)
    for place, node in enumerate(graph.node):
        for name in node.input:
            yield next((names[name] for names in visible if name in names), name)
        for inner in attribute_graphs(node.attribute):
            yield from reads(inner, visible, (*path, place))


@given(graph=graphs(), wanted=st.lists(NAMES, min_size=20, max_size=20))
def test_every_node_reads_what_it_read(graph: onnx.GraphProto, wanted: list[str]) -> None:
    before = list(reads(graph))
    interface = [value.name for value in (*graph.input, *graph.output)]
    names = ValueNames(graph)
    values = [value for _, outputs in names.outputs() for value in outputs if value is not None]
    new_names = dict(zip(values, wanted, strict=False))

    assert names.rename(new_names) <= len(new_names)
    assert list(reads(graph)) == before
    assert [value.name for value in (*graph.input, *graph.output)] == interface


@given(graph=graphs())
def test_new_names_that_nothing_has_are_always_given(graph: onnx.GraphProto) -> None:
    names = ValueNames(graph)
    values = dict.fromkeys(value for _, outputs in names.outputs() for value in outputs if value is not None)
    new_names = {value: f"new{index}" for index, value in enumerate(values)}

    assert names.rename(new_names) == len(new_names)
