"""Which nodes may have run in a module that nothing in the file names."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from predictions import predict

from hpass import ModuleTable, Source, Tag
from hpass.inference.class_statistics import class_statistics
from hpass.inference.unnamed_modules import may_be_unnamed

OWNERS = [f"m{number}" for number in range(19)]
CHAIN = '["0"] a = Conv(x, w) ["1"] b = Transpose(a) ["2"] y = Conv(b, w)'


def may_be(
    nodes: str,
    known: Mapping[str, str],
    predicted: Mapping[str, str],
    *,
    owners: list[str] = OWNERS,
    table: ModuleTable | None = None,
) -> set[str]:
    """Return the nodes that may be of an unnamed module, in a file with a Conv of each module in `owners` besides."""
    tags = {node: Tag(scope, Source.NAME) for node, scope in {**known, **{owner: owner for owner in owners}}.items()}
    others = "".join(f' ["{owner}"] {owner} = Conv(x, w)' for owner in owners)
    found = predict(nodes + others, tags, predicted, owners=owners, table=table)
    return found.named(may_be_unnamed(found.problem, found.prediction, class_statistics()))


OWN_MODULE = ' ["own"] o = Sin(x)'


@pytest.mark.parametrize(
    ("nodes", "known", "found"),
    [
        pytest.param(CHAIN, {}, set(), id="no module without parameters"),
        pytest.param(f"{CHAIN} {OWN_MODULE}", {"own": "wave"}, {"1"}, id="a module of its own operator"),
        pytest.param(f'{CHAIN} ["own"] o = Tanh(x)', {"own": "act"}, set(), id="an activation"),
        pytest.param(f"{CHAIN} {OWN_MODULE}", {"own": "m1"}, set(), id="a module with parameters"),
        pytest.param(f"{CHAIN} {OWN_MODULE}", {"own": ""}, set(), id="a module with children"),
    ],
)
def test_modules_that_are_named_tell_of_those_that_are_not(nodes: str, known: dict[str, str], found: set[str]) -> None:
    assert may_be(nodes, {"0": "m", "2": "m"} | known, {"1": "m"}) == found


def test_few_modules_do_not_tell_that_there_are_no_others() -> None:
    assert may_be(CHAIN, {"0": "m", "2": "m"}, {"1": "m"}, owners=OWNERS[:17]) == {"1"}


def test_a_table_names_all_modules() -> None:
    called = {"class": "M", "called": True}
    modules = {"": called | {"order": 0}, "m": called | {"order": 1}}
    table = ModuleTable.from_json({"version": 1, "modules": modules}, "modules.json")

    assert may_be(CHAIN, {"0": "m", "2": "m"}, {"1": "m"}, owners=[]) == {"1"}
    assert may_be(CHAIN, {"0": "m", "2": "m"}, {"1": "m"}, owners=[], table=table) == set()


@pytest.mark.parametrize(
    ("middle", "found"),
    [
        pytest.param('["1"] c = Add(a, b)', set(), id="two values"),
        pytest.param('["1"] c = Add(a, a)', {"1"}, id="one value twice"),
        pytest.param('["1"] d = ReduceMean(a) ["3"] c = Sub(a, d)', {"1", "3"}, id="one value on two ways"),
        pytest.param('["1"] d = Add(a, b) ["3"] c = Relu(d)', {"3"}, id="one value that two values make"),
        pytest.param('["1"] s = Shape(a) ["3"] c = Reshape(a, s)', {"1", "3"}, id="a shape and its reader"),
        pytest.param('["1"] s = Shape(a) ["3"] c = Reshape(b, s)', set(), id="the shape of another value"),
        pytest.param('["1"] s = Constant<value_float=1.0>() ["3"] c = Mul(a, s)', {"1", "3"}, id="a constant"),
    ],
)
def test_a_module_is_called_with_one_value(middle: str, found: set[str]) -> None:
    nodes = f'["0"] a = Conv(x, w) ["2"] b = Conv(a, w) {middle} ["4"] y = Conv(c, w)'
    predicted = {node: "m" for node in ("1", "3") if f'"{node}"' in middle}

    assert may_be(nodes, {"0": "m", "2": "m", "4": "m"}, predicted, owners=[]) == found


def test_a_node_like_one_of_a_sibling_block_is_where_that_one_is() -> None:
    block = '["{0}"] a{0} = Conv({1}, w) ["r{0}"] b{0} = Relu(a{0}) ["t{0}"] c{0} = Conv(b{0}, w)'
    nodes = f"{block.format('1', 'x')} {block.format('2', 'c1')} {block.format('3', 'c2')}"
    known = {name: f"layer.{name[-1]}" for name in ("1", "t1", "2", "r2", "t2", "3", "t3", "r3")}

    assert may_be(nodes, known, {"r1": "layer.1"}, owners=[]) == set()
    assert may_be(nodes, known, {"r1": ""}, owners=[]) == {"r1"}
