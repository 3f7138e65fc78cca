"""A floor under hpass's accuracy on the committed fixtures, which a regression breaks; docs/accuracy.md has it all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.accuracy import cases
from benchmarks.accuracy.corpus import Entry
from benchmarks.accuracy.score import Breakdown

FIXTURES = Path(__file__).parents[3] / "fixtures"
MODELS = ("bert_tiny", "simple_cnn", "resnet50", "aux_ops", "hybrid")
# Shares in percent; a few points below what was measured, so that a small trade does not break the build.
FLOORS = {
    "names": 99,
    "modules": 99,
    "metadata": 100,
    "aux": 89,
    "random": 91,
    "stripped": 63,
    "stripped, modules": 83,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[cases.Row]:
    """Return the result of every quick case on every exported fixture."""
    measured: list[cases.Row] = []
    for model in MODELS:
        for name, engine in ((model, "current"), (f"{model}_torchscript", "torchscript")):
            folder = tmp_path_factory.mktemp("corpus") / name
            folder.mkdir()
            shutil.copy(FIXTURES / f"{name}.onnx", folder / "model.onnx")
            shutil.copy(FIXTURES / "modules" / f"{name}.json", folder / "modules.json")
            table = json.loads((FIXTURES / "truth" / f"{name}.json").read_text(encoding="utf-8"))
            (folder / "truth.json").write_text(json.dumps([row["scope"] for row in table]), encoding="utf-8")
            measured.extend(cases.run(Entry(model, engine, folder), [case for case in cases.CASES if case in FLOORS]))
    return measured


@pytest.mark.parametrize("case", FLOORS)
def test_the_share_of_right_scopes_is_above_its_floor(case: str, rows: list[cases.Row]) -> None:
    total = Breakdown()
    for row in rows:
        if row.case == case:
            assert not row.note
            total.merge(row.result)
    assert total.total.nodes > 100
    assert 100 * total.total.share >= FLOORS[case]


def test_every_node_gets_a_module(rows: list[cases.Row]) -> None:
    assert [mistake for row in rows for mistake in row.mistakes if mistake.answer.scope is None] == []
