"""Each kind of evidence alone: roles, twins, suggestions, reach, the course of calls, classes, the table's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest

from hpass import Module, ModuleTable
from hpass.analysis.call_order import Call
from hpass.inference.arrays import UNKNOWN
from hpass.inference.block_analogy import analogous_modules
from hpass.inference.call_alignment import aligned_modules, names_overlap
from hpass.inference.call_sequence import CallSequence
from hpass.inference.class_statistics import OTHER_CLASS, ClassStatistics, torch_class
from hpass.inference.dataflow import Dataflow, Role
from hpass.inference.forward_backward import LogPosterior, forward_backward
from hpass.inference.gaps import Gap, find_gaps
from hpass.inference.reachability import reachable_modules
from hpass.inference.scope_tree import ScopeTree
from hpass.inference.transitions import TransitionCosts, live_value_counts
from hpass.inference.wl_colours import colourings, similar_nodes

MakeFlow = Callable[..., Dataflow]
MakeChain = Callable[[Iterable[str]], Dataflow]


@pytest.mark.parametrize(
    ("node", "role"),
    [
        ('["n"] y = Relu(x)', Role.UNARY),
        ('["n"] y = Reshape(x, x)', Role.RESHAPING),
        ('["n"] y = Transpose(x)', Role.PERMUTING),
        ('["n"] y = Slice(x, x, x)', Role.SELECTING),
        ('["n"] y = Where(x, x, x)', Role.CONVERTING),
        ('["n"] y = Shape(x)', Role.SHAPE_SOURCE),
        ('["n"] y = MatMul(x, w)', Role.MATRIX),
        ('["n"] y = Gather(w, x)', Role.MATRIX),
        ('["n"] y = Constant <value_float = 1.0> ()', Role.CONSTANT),
        ('["c"] v = Constant <value_float = 1.0> () ["n"] y = Cast(v)', Role.CONSTANT),
        ('["s"] v = Shape(x) ["n"] y = Gather(v, x)', Role.SHAPE_ARITHMETIC),
        ('["s"] v = Shape(x) ["t"] u = Cast(v) ["n"] y = Mul(u, u)', Role.SHAPE_ARITHMETIC),
        ('["s"] v = Shape(x) ["n"] y = Reshape(x, v)', Role.SHAPE_ARITHMETIC),
        ('["a"] v = Relu(x) ["b"] u = Abs(x) ["n"] y = Add(u, v)', Role.JOINING),
    ],
)
def test_the_role_of_a_node(flow: MakeFlow, node: str, role: Role) -> None:
    found = flow(node, "w")

    assert Role(found.role[-1]) is role


def test_edges_join_each_pair_once_in_file_order(flow: MakeFlow) -> None:
    found = flow('["a"] u = Relu(x) ["b"] v = Add(u, u) ["c"] y = Add(v, u)')

    assert list(zip(found.sources.tolist(), found.targets.tolist(), strict=True)) == [(0, 1), (1, 2), (0, 2)]
    assert found.producers == [[], [0], [1, 0]]
    assert found.consumers == [[1, 2], [2], []]


def test_no_property_of_the_flow_changes_another(flow: MakeFlow) -> None:
    found = flow('["t"] v = Transpose(w) ["n"] y = MatMul(x, v)', "w")
    before = deepcopy({name: value for name, value in vars(found).items() if name != "nodes"})

    for name in vars(Dataflow):
        getattr(found, name)

    for name, value in before.items():
        np.testing.assert_array_equal(vars(found)[name], value, err_msg=name)


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

    node, kind, share = similar_nodes(flow, known, kinds)

    assert (node.tolist(), kind.tolist(), share.tolist()) == ([31], [1], [1.0])


def test_a_node_without_a_twin_gets_no_kind(chain: MakeChain) -> None:
    known = np.array([True, False, True])

    node, _, _ = similar_nodes(chain(["Relu", "Tanh", "Abs"]), known, np.zeros(3, np.int64))

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

    assert analogous_modules(chain(BLOCK * 12), scopes) == {5 * block + 1: f"layer.{block}.act"}


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param(layers(12, []), id="nothing is unknown"),
        pytest.param(layers(12, range(60)), id="nothing is known"),
    ],
)
def test_no_suggestion(chain: MakeChain, scopes: Sequence[str | None]) -> None:
    assert analogous_modules(chain(BLOCK * 12), scopes) == {}


def test_a_node_that_has_no_twin_gets_no_suggestion(chain: MakeChain) -> None:
    assert analogous_modules(chain(["Relu", "Erf", "Abs"]), ["a", None, "a"]) == {}


@pytest.fixture
def modules() -> ScopeTree:
    """Return the tree of the modules `a`, `a.b`, `a.c` and `d`."""
    return ScopeTree(["a", "a.b", "a.c", "d"], ModuleTable())


def named(tree: ScopeTree, numbers: Iterable[int]) -> list[str | None]:
    return [None if number == UNKNOWN else tree.names[number] for number in numbers]


def numbered(tree: ScopeTree, scopes: Iterable[str | None]) -> npt.NDArray[np.int64]:
    return np.array([UNKNOWN if scope is None else tree.id(scope) for scope in scopes], np.int64)


def test_a_node_reaches_known_ones_through_any_number_of_unknown_ones(flow: MakeFlow, modules: ScopeTree) -> None:
    nodes = flow("""["0"] p = Abs(x) ["1"] q = Relu(p) ["2"] r = Relu(q) ["3"] s = Erf(r) ["4"] y = Tanh(q)""")
    known = numbered(modules, ["d", None, None, "a.b", "a.c"])

    consumed = reachable_modules(nodes, known, modules, downstream=True)
    fed = reachable_modules(nodes, known, modules, downstream=False)

    assert named(modules, consumed.nearest[1:3]) == ["a.b", "a.b"]
    assert named(modules, consumed.lca[1:3]) == ["a", "a.b"]
    assert named(modules, fed.nearest[1:3]) == ["d", "d"]
    assert named(modules, consumed.nearest[3:]) == [None, None]


def test_values_are_alive_from_their_writer_to_their_last_reader(flow: MakeFlow) -> None:
    nodes = flow(
        """["0"] p = Abs(x) ["1"] c = Constant <value_float = 1.0> () ["2"] q = Mul(p, c) ["3"] y = Add(q, p)"""
    )

    # The constant is no value that a module hands on.
    assert live_value_counts(nodes).tolist() == [1, 1, 2, 0]


def test_stations_lead_up_and_down_and_to_the_modules_that_twins_suggest(modules: ScopeTree) -> None:
    known = numbered(modules, ["a.b", None, None, "d"])
    suggested = numbered(modules, [None, "a.c", None, None])

    gaps = find_gaps(known, region_scope=0, tree=modules, calls=CallSequence.of(modules, []), block_analogue=suggested)

    assert [(gap.start, gap.stop, named(modules, gap.states)) for gap in gaps] == [
        (1, 3, ["a.b", "a", "a.c", "a", "", "d"])
    ]


def test_the_table_s_calls_are_stations_on_the_way(modules: ScopeTree) -> None:
    calls = [call("a", leaf=False), call("a.b"), call("a.c"), call("d")]
    known = numbered(modules, ["a.b", None, "d"])

    (gap,) = find_gaps(
        known,
        region_scope=0,
        tree=modules,
        calls=CallSequence.of(modules, calls),
        block_analogue=np.full(3, UNKNOWN),
    )

    assert named(modules, gap.states) == ["a.b", "a", "a.c", "a", "", "d"]


def course(
    tree: ScopeTree, gap: Gap, climbing: Sequence[float], thought: Sequence[tuple[int, str, float]]
) -> dict[int, dict[str, float]]:
    rows = LogPosterior(
        np.array([node for node, _, _ in thought], np.int64),
        numbered(tree, [scope for _, scope, _ in thought]),
        np.log([share for _, _, share in thought]),
    )
    tolls = TransitionCosts(np.array(climbing), np.zeros(len(climbing)))
    found: dict[int, dict[str, float]] = {}
    for node, scope, log in zip(*(part.tolist() for part in forward_backward([gap], tolls, tree, rows)), strict=True):
        found.setdefault(node, {})[tree.names[scope]] = float(np.exp(log))
    return found


def test_a_course_never_returns_to_a_station_it_has_left(modules: ScopeTree) -> None:
    gap = Gap(1, 3, tuple(numbered(modules, ["a.b", "a", "a.c"]).tolist()))
    thought = [(1, "a.c", 0.9), (1, "a.b", 0.1), (2, "a.b", 0.6), (2, "a.c", 0.4)]

    found = course(modules, gap, [0.0] * 5, thought)

    # Each node alone: first a.c, then a.b, which is behind.
    assert max(found[2], key=lambda scope: found[2][scope]) == "a.c"
    assert all(sum(shares.values()) == pytest.approx(1.0) for shares in found.values())


def test_a_course_climbs_where_the_toll_is_low(modules: ScopeTree) -> None:
    gap = Gap(1, 4, tuple(numbered(modules, ["a.b", "a"]).tolist()))
    nothing = [(node, scope, 0.5) for node in (1, 2, 3) for scope in ("a.b", "a")]

    found = course(modules, gap, [9.0, 9.0, 9.0, 0.0, 9.0, 9.0], nothing)

    assert [max(found[node], key=lambda scope: found[node][scope]) for node in (1, 2, 3)] == ["a.b", "a.b", "a"]


def test_modules_of_one_class_are_alike_and_of_unknown_classes_those_with_like_children() -> None:
    classes = {"x": "Block", "y": "Block", "z": "Other", "layer.0": None, "layer.1": None, "layer.2": None}
    table = ModuleTable({name: Module(class_name) for name, class_name in classes.items()})

    tree = ScopeTree([*classes, "layer.0.conv", "layer.1.conv", "layer.2.norm"], table)

    alike = {name: int(number) for name, number in zip(tree.names, tree.class_group_id, strict=True)}
    assert alike["x"] == alike["y"] != alike["z"]
    assert alike["layer.0"] == alike["layer.1"] != alike["layer.2"]


def test_what_has_only_numbered_modules_below_it() -> None:
    tree = ScopeTree(["stem.0", "stem.1", "body.0", "body.norm", "head"], ModuleTable())

    assert [name for name, only in zip(tree.names, tree.has_only_numbered_children, strict=True) if only] == ["stem"]


COUNTED = ClassStatistics(
    {"Linear": 10, "Dropout": 8, OTHER_CLASS: 5},
    {"Linear": {"MatMul": 10, "Add": 10}, "Dropout": {}, OTHER_CLASS: {"Add": 40}},
)


def test_what_torch_makes_of_its_own_classes() -> None:
    assert COUNTED.pmi("Linear", "MatMul") > 0 > COUNTED.pmi(OTHER_CLASS, "MatMul")
    assert COUNTED.pmi("Unheard", "MatMul") == 0
    assert [COUNTED.nodes_per_module(name) for name in ("Linear", "Dropout", OTHER_CLASS, "Unheard")] == [
        0.5,
        0.0,
        1.0,
        0.5,
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch.nn.modules.linear.Linear", "Linear"),
        ("torch.nn.modules.Unheard", "Unheard"),
        ("Linear", "Linear"),
        ("Unheard", OTHER_CLASS),
        ("my.package.Linear", OTHER_CLASS),
        (None, None),
    ],
)
def test_a_bare_name_is_taken_for_torch_s_own(name: str | None, found: str | None) -> None:
    assert COUNTED.counted_name(name) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch.nn.modules.linear.Linear", "Linear"),
        ("my.package.Linear", OTHER_CLASS),
        ("Linear", OTHER_CLASS),
        (None, None),
    ],
)
def test_only_qualified_names_are_torch_s_own(name: str | None, found: str | None) -> None:
    assert torch_class(name) == found


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
    assert names_overlap(operator, class_name) is alike


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
