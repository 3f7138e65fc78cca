"""Each kind of evidence alone: roles, twins, suggestions, layout pairs, the order of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

from hpass import ModuleTable
from hpass.inference.calls import Call, aligned_modules, resembles
from hpass.inference.candidates import UNKNOWN
from hpass.inference.flow import Flow, Role
from hpass.inference.pairs import enclosed_modules
from hpass.inference.suggest import suggested_modules
from hpass.inference.tree import ScopeTree
from hpass.inference.twins import colourings, twin_kinds

MakeFlow = Callable[..., Flow]
MakeChain = Callable[[Iterable[str]], Flow]


@pytest.mark.parametrize(
    ("node", "role"),
    [
        ('["n"] y = Relu(x)', Role.UNARY),
        ('["n"] y = Reshape(x, x)', Role.RESHAPING),
        ('["n"] y = Transpose(x)', Role.MOVING),
        ('["n"] y = Slice(x, x, x)', Role.SELECTING),
        ('["n"] y = Where(x, x, x)', Role.CONVERTING),
        ('["n"] y = Shape(x)', Role.MEASURING),
        ('["n"] y = MatMul(x, w)', Role.MATRIX),
        ('["n"] y = Gather(w, x)', Role.MATRIX),
        ('["n"] y = Constant <value_float = 1.0> ()', Role.CONSTANT),
        ('["c"] v = Constant <value_float = 1.0> () ["n"] y = Cast(v)', Role.CONSTANT),
        ('["s"] v = Shape(x) ["n"] y = Gather(v, x)', Role.SHAPE),
        ('["s"] v = Shape(x) ["t"] u = Cast(v) ["n"] y = Mul(u, u)', Role.SHAPE),
        ('["s"] v = Shape(x) ["n"] y = Reshape(x, v)', Role.SHAPE),
        ('["a"] v = Relu(x) ["b"] u = Abs(x) ["n"] y = Add(u, v)', Role.JOINING),
    ],
)
def test_the_role_of_a_node(flow: MakeFlow, node: str, role: Role) -> None:
    found = flow(node, "w")

    assert Role(found.role[-1]) is role


def test_edges_join_each_pair_once_in_file_order(flow: MakeFlow) -> None:
    found = flow('["a"] u = Relu(x) ["b"] v = Add(u, u) ["c"] y = Add(v, u)')

    assert list(zip(found.sources.tolist(), found.targets.tolist(), strict=True)) == [(0, 1), (1, 2), (0, 2)]
    assert found.inputs == [[], [0], [1, 0]]
    assert found.consumers == [[1, 2], [2], []]


BLOCK = ("MatMul", "Relu", "MatMul", "Add", "Tanh")


def test_nodes_in_like_places_of_repeated_blocks_are_twins(chain: MakeChain) -> None:
    finest = colourings(chain(BLOCK * 12))[0]

    assert finest[5 * 5 + 1] == finest[6 * 5 + 1]
    assert finest[5 * 5] != finest[5 * 5 + 2]
    assert len(set(finest[4 * 5 : 8 * 5].tolist())) == len(BLOCK)


def test_colourings_get_coarser(chain: MakeChain) -> None:
    counts = [len(set(colour.tolist())) for colour in colourings(chain(BLOCK * 12))]

    assert counts == sorted(counts, reverse=True)


def test_twins_give_the_share_of_each_kind(chain: MakeChain) -> None:
    flow = chain(BLOCK * 12)
    known = np.arange(len(flow)) != 31
    kinds = np.arange(len(flow)) % len(BLOCK)

    node, kind, share = twin_kinds(flow, known, kinds)

    assert (node.tolist(), kind.tolist(), share.tolist()) == ([31], [1], [1.0])


def test_a_node_without_a_twin_gets_no_kind(chain: MakeChain) -> None:
    known = np.array([True, False, True])

    node, _, _ = twin_kinds(chain(["Relu", "Tanh", "Abs"]), known, np.zeros(3, np.int64))

    assert node.tolist() == []


def layers(count: int, hidden: Iterable[int]) -> list[str | None]:
    """Return the modules of a chain of blocks, those at these positions hidden."""
    names = ("in", "act", "out", "", "norm")
    scopes: list[str | None] = [f"layer.{block}.{name}".rstrip(".") for block in range(count) for name in names]
    for position in hidden:
        scopes[position] = None
    return scopes


@pytest.mark.parametrize("block", [0, 3, 5, 11])
def test_a_twin_s_module_is_suggested_with_the_numbers_of_this_block(chain: MakeChain, block: int) -> None:
    scopes = layers(12, [5 * block + 1])

    assert suggested_modules(chain(BLOCK * 12), scopes) == {5 * block + 1: f"layer.{block}.act"}


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param(layers(12, []), id="nothing is unknown"),
        pytest.param(layers(12, range(60)), id="nothing is known"),
    ],
)
def test_no_suggestion(chain: MakeChain, scopes: Sequence[str | None]) -> None:
    assert suggested_modules(chain(BLOCK * 12), scopes) == {}


def test_a_node_that_has_no_twin_gets_no_suggestion(chain: MakeChain) -> None:
    assert suggested_modules(chain(["Relu", "Erf", "Abs"]), ["a", None, "a"]) == {}


@pytest.fixture
def modules() -> ScopeTree:
    """Return the tree of the modules `a`, `a.b`, `a.c` and `d`."""
    return ScopeTree(["a", "a.b", "a.c", "d"], ModuleTable())


def enclosed(flow: Flow, tree: ScopeTree, scopes: Sequence[str | None]) -> list[str | None]:
    known = np.array([scope is not None for scope in scopes])
    numbers = np.array([UNKNOWN if scope is None else tree.id(scope) for scope in scopes], np.int64)
    found = enclosed_modules(flow, tree, known, numbers)
    return [None if number == UNKNOWN else tree.names[number] for number in found.tolist()]


@pytest.mark.parametrize(
    ("operators", "scopes", "expected"),
    [
        pytest.param(
            ["Transpose", "Softmax", "Transpose"],
            [None, "a.b", None],
            ["a.b", None, "a.b"],
            id="what one pair encloses",
        ),
        pytest.param(
            ["Reshape", "Softmax", "Erf", "Reshape"],
            [None, "a.b", "a.c", None],
            ["a", None, None, "a"],
            id="several modules: where they meet",
        ),
        pytest.param(
            ["Reshape", "Transpose", "Softmax", "Transpose", "Erf", "Reshape"],
            [None, None, "a.b", None, "a.c", None],
            ["a", "a.b", None, "a.b", None, "a"],
            id="a pair in a pair",
        ),
        pytest.param(["Reshape", "Softmax", "Transpose"], [None, "a.b", None], [None] * 3, id="two of another kind"),
        pytest.param(["Transpose", "Softmax"], [None, "a.b"], [None] * 2, id="one alone"),
        pytest.param(["Transpose", "Softmax", "Transpose"], [None] * 3, [None] * 3, id="nothing known between"),
    ],
)
def test_a_pair_of_layout_operations_encloses_a_module(
    chain: MakeChain,
    modules: ScopeTree,
    operators: list[str],
    scopes: Sequence[str | None],
    expected: list[str | None],
) -> None:
    assert enclosed(chain(operators), modules, scopes) == expected


@pytest.mark.parametrize(
    ("operator", "class_name", "alike"),
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
def test_an_operator_resembles_a_class_by_its_letters(operator: str, class_name: str, *, alike: bool) -> None:
    assert resembles(operator, class_name) is alike


def call(scope: str, class_name: str | None = None, *, weights: bool = False, leaf: bool = True) -> Call:
    return Call(scope, class_name, has_parameters=weights, is_leaf=leaf)


@pytest.mark.parametrize(
    ("operators", "scopes", "calls", "expected"),
    [
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["a", None, "c"],
            [call("a"), call("b", "Softmax"), call("c")],
            {1: "b"},
            id="a module called between two known ones takes the node like it",
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
            id="what is called in between is unlike",
        ),
        pytest.param(
            ["Relu", "Softmax", "Erf"],
            ["a", None, "c"],
            [call("a"), call("b", "Softmax", leaf=False), call("c")],
            {},
            id="what holds other modules takes no node by itself",
        ),
        pytest.param(
            ["Relu", "Softmax", "Softmax"],
            ["a", None, "b"],
            [call("a"), call("b", "Softmax"), call("c")],
            {},
            id="a module that a node names is not looked for",
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
    chain: MakeChain,
    operators: list[str],
    scopes: Sequence[str | None],
    calls: Sequence[Call],
    expected: dict[int, str],
) -> None:
    assert aligned_modules(chain(operators), scopes, calls) == expected


def test_a_weight_s_reader_is_aligned_with_a_module_that_has_parameters(flow: MakeFlow) -> None:
    nodes = flow('["1"] a = MatMul(x, w) ["2"] b = Relu(a) ["3"] y = MatMul(b, w)', "w")

    found = aligned_modules(
        nodes, [None] * 3, [call("in", weights=True), call("act", "ReLU"), call("out", weights=True)]
    )

    assert found == {0: "in", 1: "act", 2: "out"}
