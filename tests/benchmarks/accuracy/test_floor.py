"""A floor under the accuracy on the committed fixtures; docs/results/accuracy.md has the figures over many models."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.accuracy import cases
from benchmarks.accuracy.corpus import Entry
from benchmarks.accuracy.score import Breakdown

MODELS = ("bert_tiny", "simple_cnn", "resnet50", "aux_ops", "hybrid")
# Shares in percent; a few points below what was measured, so that a small trade does not break the build.
FLOORS = {
    "names": 99,
    "modules": 99,
    "metadata": 100,
    "aux": 90,
    "random": 92,
    "stripped": 66,
    "stripped, modules": 85,
}


@pytest.fixture(scope="module")
def rows(cached: Callable[[str], Entry]) -> list[cases.Row]:
    """Return the result of every quick case on every exported fixture."""
    quick = [case for case in cases.CASES if case in FLOORS]
    names = [name for model in MODELS for name in (model, f"{model}_torchscript")]
    return [row for name in names for row in cases.run(cached(name), quick)]


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
