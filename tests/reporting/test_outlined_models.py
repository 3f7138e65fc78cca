"""What readers tell of a model does not change if its modules become functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from product import ROOT
from text_models import model

import hpass
from hpass.errors import HpassError
from hpass.reporting.difference import difference
from hpass.reporting.html.report_data import report_data
from hpass.reporting.html.sides import side_of
from hpass.reporting.markdown import markdown
from hpass.reporting.totals import totals

FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
FEW = [ROOT / "fixtures" / f"{name}.onnx" for name in ("bert_tiny", "functions")]


def name(path: Path) -> str:
    return path.stem


def outlined(path: Path) -> hpass.Run:
    """Return the model as it is when it is opened again."""
    run = hpass.run(path, "all,outline")
    run.write_tags()
    return hpass.run(run.model, "scope-parse,module-mapping")


def lines(branch: hpass.Branch) -> list[tuple[Any, ...]]:
    """Return the modules with their numbers of nodes, but not in the order of the tree, which is that of the file."""
    return sorted(_lines(branch))


def _lines(branch: hpass.Branch) -> Iterator[tuple[Any, ...]]:
    yield branch.scope, branch.class_name or "", branch.own, branch.total
    for child in branch.children:
        yield from _lines(child)


@pytest.mark.parametrize("path", FIXTURES, ids=name)
def test_the_tree_and_the_difference(path: Path) -> None:
    before, after = hpass.run(path), outlined(path)

    assert lines(hpass.tree(after)) == lines(hpass.tree(after.model)) == lines(hpass.tree(before))
    assert after.scopes() == Counter(found.scope for found in hpass.instances(after, with_calls=False))
    assert not difference(before, after)
    assert not difference(after, before)
    assert totals(after).modules == totals(before).modules


def test_tagging_anew_keeps_the_modules_and_their_classes() -> None:
    after = hpass.run(outlined(FEW[0]).model, retag=True)
    trees = [lines(hpass.tree(run)) for run in (hpass.run(FEW[0]), after)]

    # What is inferred may differ, such as the module of two casts at the border of the embeddings.
    assert [line[:2] for line in trees[0]] == [line[:2] for line in trees[1]]


@pytest.mark.parametrize("path", FEW, ids=name)
def test_reports(path: Path) -> None:
    before, after = (report_data([side_of("model", run)]) for run in (hpass.run(path), outlined(path)))
    listed = [
        Counter(zip(data["nodes"]["module"], (data["texts"][op] for op in data["nodes"]["op"]), strict=True))
        for data in (before, after)
    ]

    assert after["modules"] == before["modules"]
    assert after["sides"] == before["sides"]
    assert listed[0] == listed[1]
    trees = [markdown(run, hpass.report(run)).partition("## Modules")[2] for run in (hpass.run(path), outlined(path))]
    assert trees[0] == trees[1]


@pytest.mark.slow
@pytest.mark.parametrize("path", FEW, ids=name)
def test_the_cost(path: Path) -> None:
    before, after = hpass.cost(hpass.run(path)), hpass.cost(outlined(path))

    assert (after.total, after.modules) == (before.total, before.modules)


@pytest.mark.slow
def test_more_calls_than_onnx_inlines_at_once() -> None:
    calls = 10_100
    ends = ["x", *(f"v{call}" for call in range(1, calls)), "y"]
    nodes = " ".join(f'["/layer.{call}/F"] {ends[call + 1]} = local.F({ends[call]})' for call in range(calls))
    function = '<domain: "local", opset_import: ["": 18]> F (a) => (b) { ["in"] b = Relu(a) }'
    run = hpass.run(model(nodes, functions=function))
    cost = hpass.cost(run)

    assert len([scope for scope in cost.modules if scope.startswith("layer.")]) == calls
    assert cost.total.flops == calls * 16
    assert len(report_data([side_of("model", run)])["nodes"]["op"]) == calls


def doubled() -> onnx.ModelProto:
    """Return a model of a few nodes whose functions stand for 2**40."""
    functions = "".join(
        f'<domain: "local", opset_import: ["": 18, "local": 1]> f{level} (a) => (b) '
        f"{{ c = local.f{level + 1}(a) b = local.f{level + 1}(c) }}"
        for level in range(40)
    )
    last = '<domain: "local", opset_import: ["": 18]> f40 (a) => (b) { b = Neg(a) }'
    return model('["/a/n"] y = local.f0(x)', functions=functions + last)


def test_functions_that_double_each_other_are_counted() -> None:
    run = hpass.run(doubled())

    assert run.scopes() == {"a": 2**40}
    assert totals(run).modules == 1
    assert hpass.tree(run).total == 2**40


@pytest.mark.parametrize("read", [hpass.cost, lambda run: difference(run, run), lambda run: hpass.select(run, "**")])
def test_functions_that_stand_for_too_many_nodes_are_an_error(
    read: Callable[[hpass.Run], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpass.selection.node_instances._MAX_INSTANCES", 1000)

    with pytest.raises(HpassError, match=r"functions (stand for more than 1,000 nodes|of the model cannot be inlined)"):
        read(hpass.run(doubled()))


def test_a_node_of_a_function_has_moved_if_it_runs_in_none_of_its_modules() -> None:
    function = '<domain: "local", opset_import: ["": 18]> f (a) => (b) { ["in"] b = Relu(a) }'
    before, same, moved = (
        hpass.run(model(f'["/{first}/n"] h = local.f(x) ["/{second}/m"] y = local.f(h)', functions=function))
        for first, second in (("a", "b"), ("b", "c"), ("c", "d"))
    )

    assert [(move.op, move.from_scope, move.to_scope) for move in difference(before, same).moved] == []
    assert [(move.op, move.from_scope, move.to_scope) for move in difference(before, moved).moved] == [
        ("Relu", "a", "c"),
    ]
