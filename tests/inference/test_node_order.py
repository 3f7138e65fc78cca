"""The sequence of nodes: the file's where modules are contiguous in it, a walk where a tool has shuffled them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from hpass import Model
from hpass.inference.dataflow import Dataflow
from hpass.inference.node_order import node_order


def branches(count: int, length: int, *, shuffled: bool) -> tuple[Dataflow, list[str | None]]:
    """Return lines of nodes that all begin at one node, and their modules; shuffled, each line's first come first."""
    places = [(line, step) for line in range(count) for step in range(length)]
    if shuffled:
        places.sort(key=lambda place: place[1])
    nodes = [helper.make_node("Relu", ["x"], ["start"])]
    for line, step in places:
        nodes.append(helper.make_node("Relu", [f"{line}.{step - 1}" if step else "start"], [f"{line}.{step}"]))
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))
    return Dataflow(Model.open(model).graph.nodes), ["", *(f"line.{line}" for line, _ in places)]


@given(st.integers(2, 6), st.integers(2, 6))
def test_lines_that_a_tool_wove_into_each_other_are_taken_apart(count: int, length: int) -> None:
    flow, scopes = branches(count, length, shuffled=True)

    found = [scopes[position] for position in node_order(flow, scopes)]

    assert found == sorted(found, key=found.index)


@given(count=st.integers(1, 6), length=st.integers(1, 6), shuffled=st.booleans())
def test_every_node_comes_once_and_behind_what_it_reads(count: int, length: int, *, shuffled: bool) -> None:
    flow, scopes = branches(count, length, shuffled=shuffled)

    found = node_order(flow, scopes).tolist()

    assert sorted(found) == list(range(len(flow)))
    assert all(
        found.index(source) < found.index(target) for source, target in zip(flow.sources, flow.targets, strict=True)
    )


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_an_exporter_s_order_is_kept(count: int, length: int, data: st.DataObject) -> None:
    flow, scopes = branches(count, length, shuffled=False)
    hidden = data.draw(st.sets(st.integers(0, len(flow) - 1)))

    known = [None if index in hidden else scope for index, scope in enumerate(scopes)]

    assert node_order(flow, known).tolist() == list(range(len(flow)))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_every_node_comes_once_in_a_graph_with_cycles(reads: list[tuple[int, int]]) -> None:
    nodes = [helper.make_node("Add", [f"v{one}", f"v{two}"], [f"v{index}"]) for index, (one, two) in enumerate(reads)]
    flow = Dataflow(Model.open(helper.make_model(helper.make_graph(nodes, "g", [], []))).graph.nodes)

    found = node_order(flow, ["ab"[index % 2] for index in range(len(nodes))])

    assert sorted(found.tolist()) == list(range(len(nodes)))


def test_a_long_line_does_not_overflow(chain: Callable[[list[str]], Dataflow]) -> None:
    flow = chain(["Relu"] * 20_000)

    assert node_order(flow, ["a", "b"] * 10_000).tolist() == list(range(20_000))
