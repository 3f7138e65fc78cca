"""Which predictions are never `high`, because a module other than the predicted one has a claim to the node."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from predictions import predict

from hpass import Confidence, ModuleTable, Source, Tag
from hpass.inference.class_statistics import class_statistics
from hpass.inference.rivals import has_rival


def nodes_with_rivals(
    nodes: str,
    tags: Mapping[str, str],
    predicted: Mapping[str, str],
    *,
    uncertain: Collection[str] = (),
    table: ModuleTable | None = None,
) -> set[str]:
    """Return the names of the unknown nodes whose predicted module has a rival.

    The tags of `uncertain` nodes are by parameters that other modules may read.
    """
    known = {node: Tag(scope, Source.NAME) for node, scope in tags.items()}
    known |= {node: Tag(tags[node], Source.PARAMETER, Confidence.MEDIUM) for node in uncertain}
    found = predict(nodes, known, predicted, table=table)
    return found.named(has_rival(found.problem, found.prediction, class_statistics()))


CHAIN = '["0"] a = Conv(x, w) ["1"] b = Relu(a) ["2"] c = Conv(b, w) ["3"] d = Relu(c) ["4"] y = Conv(d, w)'


@pytest.mark.parametrize(
    ("known", "predicted", "found"),
    [
        pytest.param({"0": "c1", "1": "act1", "2": "c2", "4": "c3"}, {"3": "act1"}, {"3"}, id="it ran elsewhere"),
        pytest.param({"0": "c1", "1": "act", "2": "act", "4": "c3"}, {"3": "act"}, set(), id="it goes on"),
        pytest.param({"0": "c1", "1": "act1", "2": "c2", "4": "c3"}, {"3": ""}, set(), id="what it calls goes on"),
        pytest.param({"0": "c1", "1": "act1", "4": "act1"}, {"2": "c2", "3": "c2"}, set(), id="it is not known at all"),
        pytest.param({"0": "m", "1": "m.a", "4": "c"}, {"2": "m.a", "3": "m"}, set(), id="it goes on after a child"),
        pytest.param({"0": "m", "1": "m.a", "4": "c"}, {"2": "c2", "3": "m"}, {"3"}, id="another ran in between"),
    ],
)
def test_a_module_whose_known_nodes_are_all_elsewhere_may_not_be_called_again(
    known: dict[str, str], predicted: dict[str, str], found: set[str]
) -> None:
    assert nodes_with_rivals(CHAIN, known, predicted) == found


@pytest.mark.parametrize("elsewhere", [{}, {"0": "act"}])
def test_a_module_may_be_another_if_parameters_that_others_may_read_are_all_that_is_known_here(
    elsewhere: dict[str, str],
) -> None:
    known = {"0": "c1", "1": "b1", "2": "act", "4": "c3"} | elsewhere

    assert nodes_with_rivals(CHAIN, known, {"3": "act"}, uncertain={"2"}) == {"3"}
    assert nodes_with_rivals(CHAIN, known, {"3": "act"}) == set()


ATTENTION = (
    '["0"] a = Transpose(x) ["1"] b = Gemm(a, w) ["2"] c = Transpose(b) ["3"] d = Add(c, x)'
    ' ["4"] e = Relu(d) ["5"] f = Gemm(e, w) ["6"] g = Transpose(f) ["7"] y = Add(g, x)'
)
LAYERS = {"1": "layer.0.attn", "3": "layer.0", "5": "layer.1.attn", "7": "layer.1"}


@pytest.mark.parametrize(
    ("known", "predicted", "found"),
    [
        pytest.param({"0": "layer.0.attn", "4": "layer.1"}, {}, {"2", "6"}, id="the child's like run the operator"),
        pytest.param({"4": "layer.1"}, {"0": "layer.0.attn"}, {"2", "6"}, id="by a prediction"),
        pytest.param({"0": "layer.0", "4": "layer.1"}, {}, set(), id="only the parent runs it"),
        pytest.param({"0": "layer.0.norm", "4": "layer.1"}, {}, set(), id="only another child runs it"),
    ],
)
def test_a_node_between_a_module_and_its_parent_may_be_of_either_if_both_run_the_operator(
    known: dict[str, str], predicted: dict[str, str], found: set[str]
) -> None:
    assert nodes_with_rivals(ATTENTION, LAYERS | known, {"2": "layer.0", "6": "layer.1"} | predicted) == found


def test_the_child_itself_has_no_rival_there() -> None:
    known = LAYERS | {"0": "layer.0.attn", "4": "layer.1"}

    assert nodes_with_rivals(ATTENTION, known, {"2": "layer.0.attn", "6": "layer.1.attn"}) == set()


def table_with(class_name: str, order: int) -> ModuleTable:
    """Return a table of `m`, its children `m.a` and `m.b`, and `m.u`, which has this class and is called then."""
    modules = {
        "": {"class": "M", "called": True, "order": 0},
        "m": {"class": "Block", "called": True, "order": 1},
        "m.a": {"class": "A", "called": True, "order": 3},
        "m.b": {"class": "B", "called": True, "order": 5},
        "m.u": {"class": class_name, "called": True, "order": order},
    }
    return ModuleTable.from_json({"version": 1, "modules": modules}, "modules.json")


@pytest.mark.parametrize(
    ("class_name", "order", "found"),
    [
        pytest.param("Rotary", 4, {"1"}, id="the table calls it here"),
        pytest.param("Rotary", 2, set(), id="the table calls it before"),
        pytest.param("Rotary", 6, set(), id="the table calls it later"),
        pytest.param("Dropout", 4, set(), id="its class runs nothing"),
        pytest.param("StochasticDropout", 4, set(), id="its class is named after one that runs nothing"),
    ],
)
def test_a_module_without_nodes_that_the_table_calls_here_is_a_rival(
    class_name: str, order: int, found: set[str]
) -> None:
    nodes = '["0"] a = Conv(x, w) ["1"] b = Reshape(a, s) ["2"] y = Conv(b, w)'

    assert nodes_with_rivals(nodes, {"0": "m.a", "2": "m.b"}, {"1": "m"}, table=table_with(class_name, order)) == found


def test_a_module_with_a_node_is_no_rival() -> None:
    nodes = '["0"] a = Conv(x, w) ["1"] b = Reshape(a, s) ["2"] c = Sin(b) ["3"] y = Conv(c, w)'
    known = {"0": "m.a", "2": "m.u", "3": "m.b"}

    assert nodes_with_rivals(nodes, known, {"1": "m"}, table=table_with("Rotary", 4)) == set()
