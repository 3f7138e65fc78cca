"""The order of calls of tables that list modules as they were registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from text_models import table

from hpass.analysis.call_order import order_of_calls
from hpass.inference.call_alignment import CallIndex, aligned_modules
from hpass.inference.dataflow import Dataflow, Role
from hpass.inference.registration_order import in_order_of_nodes

FlowOf = Callable[..., Dataflow]


def ordered(modules: dict[str, object], flow: Dataflow, scopes: Sequence[str | None]) -> list[str]:
    """Return the modules of a table in the order of the nodes, and check that none is lost."""
    modules_table = table(modules)
    calls = [
        call._replace(has_parameters=call.class_name == "Linear") for call in order_of_calls(modules_table, ["norm"])
    ]

    found = in_order_of_nodes(calls, modules_table, flow, scopes)

    assert sorted(call.scope for call in found) == sorted(call.scope for call in calls)
    return [call.scope for call in found]


def test_known_nodes_show_when_their_modules_ran(chain: Callable[..., Dataflow]) -> None:
    modules = {"": "M", "attend": "A", "feed": "F", "norm": "N"}

    assert ordered(modules, chain(["Erf", "Erf", "Erf"]), ["norm", "attend", "feed"]) == ["", "norm", "attend", "feed"]


def test_a_module_without_a_node_stays_behind_the_one_registered_before_it(chain: Callable[..., Dataflow]) -> None:
    modules = {"": "M", "one": "A", "drop": "Dropout", "two": "B"}

    assert ordered(modules, chain(["Erf", "Erf"]), ["two", "one"]) == ["", "two", "one", "drop"]


TWO_BLOCKS = {
    "": "M",
    "b.0": "Block",
    "b.0.inner": "Inner",
    "b.0.inner.in": "Linear",
    "b.0.inner.out": "Linear",
    "b.0.inner.act": "SiLUActivation",
    "b.0.norm": "Norm",
    "b.1": "Block",
    "b.1.inner": "Inner",
    "b.1.inner.in": "Linear",
    "b.1.inner.out": "Linear",
    "b.1.inner.act": "SiLUActivation",
    "b.1.norm": "Norm",
}
NODES = """["node_linear"] a = MatMul(x, w) ["node_silu"] b = Mul(a, a) ["node_linear_1"] c = MatMul(b, w)
["n"] d = Norm(c) ["node_linear_2"] e = MatMul(d, w) ["node_silu_1"] f = Mul(e, e) ["node_linear_3"] g = MatMul(f, w)
["m"] y = Norm(g)"""


def test_weights_without_a_name_go_to_the_modules_that_can_be_open(flow: FlowOf) -> None:
    """Only the norms are known: what is before the first of them cannot be in the second block."""
    nodes = flow(NODES, "w")
    scopes = [None, None, None, "b.0.norm", None, None, None, "b.1.norm"]

    found = ordered(TWO_BLOCKS, nodes, scopes)

    assert found == [
        "",
        "b.0",
        *("b.0.inner", "b.0.inner.in", "b.0.inner.act", "b.0.inner.out", "b.0.norm"),
        "b.1",
        *("b.1.inner", "b.1.inner.in", "b.1.inner.act", "b.1.inner.out", "b.1.norm"),
    ]


def test_a_matrix_product_whose_bias_is_known_leaves_the_other_modules_free(flow: FlowOf) -> None:
    nodes = flow('["1"] a = MatMul(x, w) ["2"] b = Add(a, bias) ["3"] y = MatMul(b, w)', "w")
    nodes.role[1] = Role.VECTOR

    assert ordered({"": "M", "two": "Linear", "one": "Linear"}, nodes, [None, "one", None]) == ["", "one", "two"]


@pytest.mark.parametrize(("operator", "expected"), [("MatMul", {0: "fc"}), ("Mul", {})])
def test_a_class_of_pytorch_matches_only_what_it_becomes(flow: FlowOf, operator: str, expected: object) -> None:
    """A table of cosines is a matrix as well, but no Linear multiplies elementwise."""
    calls = [call._replace(has_parameters=True) for call in order_of_calls(table({"fc": "Linear"}), [])]

    assert aligned_modules(flow(f"y = {operator}(x, w)", "w"), [None], CallIndex(calls)) == expected


def test_if_an_alignment_would_be_too_large_the_known_nodes_decide(chain: Callable[..., Dataflow]) -> None:
    modules: dict[str, object] = {"": "M", **{f"a.{i}": "ReLU" for i in range(1500)}}
    nodes = chain(["Relu"] * 1501)

    assert ordered(modules, nodes, [*[None] * 1500, "a.7"])[1] == "a.0"
