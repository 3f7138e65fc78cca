"""The benchmark of calls counts what is right, and shows what is not."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from text_models import model, stack

from benchmarks.accuracy.corpus import Entry
from benchmarks.calls.measure import Mistake, Result, kept_calls, measure
from benchmarks.calls.page import page

NODES = '["a0"] u = MatMul(x, w) ["n"] v = Exp(u) ["a1"] t = MatMul(v, w) ["b"] s = Sin(t) ["c"] y = Cos(s)'
SCOPES = {"a0": "m", "n": "n", "a1": "m", "b": "k", "c": "k"}


@pytest.mark.parametrize(
    ("truth", "calls", "expected"),
    [
        pytest.param(list(SCOPES.values()), [0, 0, 1, 0, 0], Result("m", "current", 1, 2, right=2), id="all right"),
        pytest.param(
            list(SCOPES.values()),
            [0, 0, 1, 0, 1],
            Result("m", "current", 2, 4, right=2, missing=[Mistake("Sin", "k", 0, ("k", None))]),
            id="a call without a number",
        ),
        pytest.param(
            ["m", "n", "k", "k", "k"],
            [0, 0, 0, 0, 0],
            Result("m", "current", 0, 0, wrong=[Mistake("MatMul", "m", 0, ("m", 0))]),
            id="modules that are called once",
        ),
        pytest.param(
            [None, "n", None, "k", "k"],
            [None, 0, None, 0, 0],
            Result("m", "current", 0, 0, unknown=2),
            id="the exporter does not say the module",
        ),
    ],
)
def test_numbers_are_compared_with_the_truth(
    tmp_path: Path, truth: list[str | None], calls: list[int | None], expected: Result
) -> None:
    write(tmp_path, truth, calls)
    found = measure(Entry("m", "current", tmp_path))

    assert (found.modules, found.nodes, found.right, found.unknown) == (
        expected.modules,
        expected.nodes,
        expected.right,
        expected.unknown,
    )
    assert found.wrong[: len(expected.wrong)] == expected.wrong
    assert found.missing[: len(expected.missing)] == expected.missing


def write(folder: Path, truth: list[str | None], calls: list[int | None]) -> onnx.ModelProto:
    """Write the model, and the modules and calls of its nodes."""
    made = model(NODES, metadata={name: stack(scope) for name, scope in SCOPES.items()}, parameters=["w"])
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    return made


def test_the_page_has_every_mistake() -> None:
    wrong, missing = Mistake("Add", "a", 1, ("a", 0)), Mistake("Mul", "b", 0, ("b", None))
    result = Result("m", "current", modules=2, nodes=4, right=2, wrong=[wrong], missing=[missing])

    after = Result("m", "current, slim", modules=2, nodes=4, right=2, wrong=[wrong], missing=[missing])
    text = page([result, Result("n", "current", modules=0, nodes=0)], {"slim": [after]})

    assert "| right | 2 (66.67%) |" in text
    assert "| m | current | 2 | 4 | 2 | 1 | 1 |" in text
    assert "| m | current | wrong | `a` | 1 Add |" in text
    assert "| m | current | no number | `b` | 1 Mul |" in text
    assert "| n | current" not in text
    assert "| slim | 1 | 4 | 3 (75.00%) | 3 | 2 (66.67%) | 0 |" in text
    assert "| m | current, slim | wrong | `a` | 1 Add |" in text
    assert "| m | current, slim | no number" not in text


def test_calls_are_counted_among_the_nodes_that_an_optimiser_kept(tmp_path: Path) -> None:
    calls = [0, 0, 1, 0, 1]
    made = write(tmp_path, list(SCOPES.values()), calls)
    kept = onnx.ModelProto()
    kept.CopyFrom(made)
    # `Sin` of the first call of `k` became another operator, and the calls of `m` stand the other way round.
    kept.graph.node[3].op_type = "Tan"
    kept.graph.node.insert(0, kept.graph.node.pop(2))

    assert kept_calls(Entry("m", "current", tmp_path), kept) == [("m", 0), ("m", 1), ("n", 0), None, None]
