"""Known nodes that others reach through unknown ones."""

from __future__ import annotations

from collections.abc import Callable

from hpass.inference.arrays import Ids
from hpass.inference.dataflow import Dataflow
from hpass.inference.reachability import reachable_modules
from hpass.inference.scope_tree import ScopeTree


def test_a_node_reaches_known_ones_through_any_number_of_unknown_ones(
    flow: Callable[..., Dataflow],
    modules: ScopeTree,
    numbers: Callable[..., Ids],
    names: Callable[..., list[str | None]],
) -> None:
    nodes = flow("""["0"] p = Abs(x) ["1"] q = Relu(p) ["2"] r = Relu(q) ["3"] s = Erf(r) ["4"] y = Tanh(q)""")
    known = numbers(modules, ["d", None, None, "a.b", "a.c"])

    downstream = reachable_modules(nodes, known, modules, downstream=True)
    upstream = reachable_modules(nodes, known, modules, downstream=False)

    assert names(modules, downstream.nearest[1:3]) == ["a.b", "a.b"]
    assert names(modules, downstream.lca[1:3]) == ["a", "a.b"]
    assert names(modules, upstream.nearest[1:3]) == ["d", "d"]
    assert names(modules, downstream.nearest[3:]) == [None, None]
