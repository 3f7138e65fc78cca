"""Fitting the weights of inference, on fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.accuracy.corpus import Entry
from hpass.inference import predict
from hpass.inference.dataflow import Role
from hpass.inference.features import FEATURES
from hpass.inference.scoring_model import ScoringModel
from training import fit

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(cached: Callable[[str], Entry]) -> list[fit.Problem]:
    """Return the problems of the dense regime on two fixtures."""
    names = ("bert_tiny", "hybrid")
    return [problem for name in names for problem in fit.problems(cached(name), fit.REGIMES["dense"])]


@pytest.mark.slow
def test_a_fit_answers_what_it_was_fitted_on(data: list[fit.Problem]) -> None:
    learnt = fit.lessons(data)
    networks = fit.fit(data, learnt)
    assert [network.skip.shape for network in networks] == [(len(Role), len(FEATURES))] * fit.ROUNDS
    for problem in data:
        placement = predict.predict(problem.region, ScoringModel(networks, learnt, None, 1.0))
        truth = problem.truth[placement.node]
        reachable = truth >= 0
        assert np.mean(placement.scope[reachable] == truth[reachable]) > 0.95


@pytest.mark.slow
def test_answers_are_those_of_models_that_the_weights_have_not_seen(data: list[fit.Problem]) -> None:
    found = fit.cross_validated({"dense": data}, 2)
    assert set(found) == {"dense"}
    answers = found["dense"]
    assert set(answers) == {"aux", "random"}
    assert sum(len(part.right) for part in answers.values()) == sum(
        np.count_nonzero(~problem.region.is_known & (problem.truth != fit.NO_TRUTH)) for problem in data
    )


def test_a_threshold_is_the_least_that_is_right_often_enough_in_every_case() -> None:
    sure = np.array([0.999, 0.96, 0.94, 0.75])
    first = fit.Answers(sure, np.array([True, True, True, False]))
    second = fit.Answers(sure, np.array([True, True, False, False]))
    assert fit.least_probability([first], 0.99, 0.3) == 0.8
    assert fit.least_probability([first, second], 0.99, 0.3) == 0.95
    assert fit.least_probability([first, second], 0.99, 0.6) is None


def test_the_file_has_a_line_for_each_row() -> None:
    data = {"roles": ["a", "b"], "rounds": [{"direct": [[0.5, 1.0], [2.0, -1.5]]}], "high": None, "nodes": {"Add": 3}}
    text = fit.dumps(data)
    assert json.loads(text) == data
    assert [line.strip() for line in text.splitlines() if "." in line] == ["[0.5, 1.0],", "[2.0, -1.5]"]
