"""The calls of a module that is called more than once are told apart by its weights, or by what runs between them."""

from __future__ import annotations

from typing import Any

import pytest

ONE_CALL = '["m{0}"] a{0} = MatMul({1}, w) ["n{0}"] b{0} = Add(a{0}, v) ["o{0}"] {2} = Relu(b{0})'


def chain(*parts: str) -> str:
    """Return the nodes of calls of a module `m`, and of a module `n` where a part is a node's text."""
    nodes: list[str] = []
    value = "x"
    for number, part in enumerate(parts):
        target = "y" if number == len(parts) - 1 else f"r{number}"
        nodes.append(part.format(number, value, target))
        value = target
    return " ".join(nodes)


OTHER = '["p{0}"] {2} = Exp({1})'
NORM = '["h{0}"] s{0} = Sqrt({1}) ["m{0}"] a{0} = MatMul(s{0}, w) ["o{0}"] {2} = Relu(a{0})'
PLAIN = '["m{0}"] {2} = Sin({1})'
PLAIN_TWO = '["m{0}"] a{0} = Sin({1}) ["n{0}"] {2} = Cos(a{0})'


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ((ONE_CALL,), [["m0", "n0", "o0"]]),
        ((ONE_CALL, ONE_CALL), [["m0", "n0", "o0"], ["m1", "n1", "o1"]]),
        ((ONE_CALL, OTHER, ONE_CALL), [["m0", "n0", "o0"], ["m2", "n2", "o2"]]),
        # What comes before the first weight belongs to the call.
        ((NORM, NORM, NORM), [["h0", "m0", "o0"], ["h1", "m1", "o1"], ["h2", "m2", "o2"]]),
        # Without weights, a module that is convex is one piece.
        ((PLAIN, PLAIN), [["m0", "m1"]]),
        ((PLAIN, OTHER, PLAIN), [["m0"], ["m2"]]),
        ((PLAIN_TWO, OTHER, PLAIN_TWO), [["m0", "n0"], ["m2", "n2"]]),
    ],
)
def test_calls(models: Any, parts: tuple[str, ...], names: list[list[str]]) -> None:
    scopes = {f"{letter}{number}": "m" for letter in "mnoh" for number in range(3)}
    scopes |= {f"p{number}": "n" for number in range(3)}
    extractor = models.of_text(chain(*parts), scopes, parameters=["w", "v"])

    found = [extractor.extract("m", call) for call in range(len(names))]

    assert [[module.model.graph.node[i].name for i in range(len(module.model.graph.node))] for module in found] == names
    assert {module.calls for module in found} == {len(names)}


def test_a_later_call_may_share_what_the_first_one_prepared(models: Any) -> None:
    nodes = (
        '["h0"] s = Sqrt(x) ["h1"] t = Exp(s) ["m0"] a = MatMul(t, w) ["o0"] b = Relu(a) ["p"] d = Sin(b)'
        '["h2"] u = Exp(d) ["m1"] c = MatMul(u, w) ["o1"] y = Relu(c)'
    )
    scopes = {**dict.fromkeys(("h0", "h1", "m0", "o0", "h2", "m1", "o1"), "m"), "p": "n"}
    extractor = models.of_text(nodes, scopes, ["w"])

    module = extractor.extract("m", 1)

    assert [node.name for node in module.model.graph.node] == ["h2", "m1", "o1"]


def test_a_weight_that_was_copied_for_each_call_is_one_weight(models: Any) -> None:
    nodes = '["a"] h = MatMul(x, w) ["b"] i = Exp(h) ["c"] y = MatMul(i, v)'
    extractor = models.of_text(nodes, {"a": "m", "b": "n", "c": "m"}, ["w", "v"])
    first, second = extractor.model.graph.initializer
    second.float_data[:] = first.float_data

    modules = [extractor.extract("m", call) for call in (0, 1)]

    assert [module.model.graph.node[0].name for module in modules] == ["a", "c"]


def test_a_weight_that_is_read_once_means_one_call(models: Any) -> None:
    nodes = '["a"] h = MatMul(x, w) ["b"] i = Exp(h) ["c"] j = MatMul(i, w) ["d"] y = Add(j, v)'
    extractor = models.of_text(nodes, {"a": "m", "b": "n", "c": "m", "d": "m"}, ["w", "v"])

    module = extractor.extract("m")

    assert (module.calls, module.others) == (1, 1)


def test_a_module_that_only_calls_another_one_is_called_as_often(models: Any) -> None:
    nodes = '["a"] h = MatMul(x, w) ["b"] y = MatMul(h, w)'
    extractor = models.of_text(nodes, {"a": "m.c", "b": "m.c"}, ["w"])

    assert [extractor.extract("m", call).piece.nodes for call in (0, 1)] == [(0,), (1,)]
