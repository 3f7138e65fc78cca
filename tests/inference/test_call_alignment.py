"""Alignment of nodes with the calls of a module table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.analysis.call_order import Call
from hpass.inference.call_alignment import CallIndex, aligned_modules, best_scores, names_overlap
from hpass.inference.dataflow import Dataflow


@pytest.mark.parametrize(
    ("operator", "class_name", "overlap"),
    [
        ("Relu", "ReLU", True),
        ("Relu", "ReLU6", True),
        ("Softmax", "Softmax", True),
        ("LayerNormalization", "LayerNorm", True),
        ("BatchNormalization", "BatchNorm2d", True),
        ("Conv", "Conv2d", True),
        ("Gelu", "GELUActivation", True),
        ("Relu", "Tanh", False),
        ("Or", "Linear", False),
        ("MatMul", "Linear", False),
        ("Add", "Dropout", False),
    ],
)
def test_an_operator_and_a_class_have_names_that_overlap(operator: str, class_name: str, *, overlap: bool) -> None:
    assert names_overlap(operator, class_name) is overlap


def call(scope: str, class_name: str | None = None, *, parameters: bool = False, leaf: bool = True) -> Call:
    return Call(scope, class_name, has_parameters=parameters, is_leaf=leaf)


@pytest.mark.parametrize(
    ("operators", "scopes", "calls", "expected"),
    [
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["a", None, "c"],
            [call("a"), call("b", "Softmax"), call("c")],
            {1: "b"},
            id="a module called between two known ones gets the node with its name",
        ),
        pytest.param(
            ["Relu", "Tanh", "Relu", "Erf"],
            ["a", None, None, "c"],
            [call("a"), call("b", "Tanh"), call("b2", "ReLU"), call("c")],
            {1: "b", 2: "b2"},
            id="several in order",
        ),
        pytest.param(
            ["Tanh", "Tanh"],
            [None, None],
            [call("a", "Tanh"), call("b", "Tanh")],
            {0: "a", 1: "b"},
            id="without any known node",
        ),
        pytest.param(
            ["Relu", "Softmax", "Erf"], ["a", None, "c"], [call("a"), call("c")], {}, id="nothing is called in between"
        ),
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["a", None, "c"],
            [call("a"), call("b", "Tanh"), call("c")],
            {},
            id="what is called in between has another name",
        ),
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["a", None, "c"],
            [call("a"), call("b", "Softmax", leaf=False), call("c")],
            {},
            id="a module that is no leaf gets no node",
        ),
        pytest.param(
            ["Relu", "Softmax", "Softmax"],
            ["a", None, "b"],
            [call("a"), call("b", "Softmax"), call("c")],
            {},
            id="a module with a known node gets no other one",
        ),
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["c", None, "a"],
            [call("a"), call("b", "Softmax"), call("c")],
            {},
            id="known nodes against the table's order",
        ),
    ],
)
def test_the_order_of_calls_aligns_nodes(
    chain: Callable[[Iterable[str]], Dataflow],
    operators: list[str],
    scopes: Sequence[str | None],
    calls: Sequence[Call],
    expected: dict[int, str],
) -> None:
    assert aligned_modules(chain(operators), scopes, CallIndex(calls)) == expected


def test_a_reader_of_a_weight_is_aligned_with_a_module_that_has_parameters(flow: Callable[..., Dataflow]) -> None:
    nodes = flow('["1"] a = MatMul(x, w) ["2"] b = Relu(a) ["3"] y = MatMul(b, w)', "w")

    calls = [call("in", parameters=True), call("act", "ReLU"), call("out", parameters=True)]

    found = aligned_modules(nodes, [None] * 3, CallIndex(calls))

    assert found == {0: "in", 1: "act", 2: "out"}


halves = st.integers(-20, 20).map(lambda number: number / 2)


@given(st.data(), st.integers(1, 5), st.integers(1, 5))
def test_the_best_scores_are_those_of_all_alignments(data: st.DataObject, nodes: int, calls: int) -> None:
    match = np.array(
        data.draw(st.lists(st.lists(halves, min_size=calls, max_size=calls), min_size=nodes, max_size=nodes))
    )
    skip_node = np.array(data.draw(st.lists(halves, min_size=nodes, max_size=nodes)))
    skip_call = np.array(data.draw(st.lists(halves, min_size=calls, max_size=calls)))

    def best(row: int, column: int) -> float:
        options = [0.0] if row == column == 0 else []
        if row:
            options.append(best(row - 1, column) + skip_node[row - 1])
        if column:
            options.append(best(row, column - 1) + skip_call[column - 1])
        if row and column:
            options.append(best(row - 1, column - 1) + match[row - 1, column - 1])
        return max(options)

    found = best_scores(match, skip_node, skip_call)

    assert [[best(row, column) for column in range(calls + 1)] for row in range(nodes + 1)] == found.tolist()
