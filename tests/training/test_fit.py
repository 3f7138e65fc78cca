"""Fitting the scoring model of inference, on fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.corpus import Entry
from hpass.inference import predict
from hpass.inference.dataflow import Role
from hpass.inference.features import FEATURES
from hpass.inference.scoring_model import ScoringModel
from training.calibration import ScoredPredictions, cross_validated, least_threshold
from training.dataset import NO_TRUTH, REGIMES, LabelledProblem, labelled_problems
from training.fit import dumps
from training.network_fit import ROUNDS, fit_networks
from training.statistics_fit import common_operators, estimate_statistics

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(cached: Callable[[str], Entry]) -> list[LabelledProblem]:
    """Return the problems of the dense regime on two fixtures."""
    names = ("bert_tiny", "hybrid")
    return [item for name in names for item in labelled_problems(cached(name), REGIMES["dense"])]


@pytest.mark.slow
def test_a_fit_predicts_what_it_was_fitted_on(data: list[LabelledProblem]) -> None:
    statistics = estimate_statistics(data)

    networks = fit_networks(data, statistics)

    assert [network.skip.shape for network in networks] == [(len(Role), len(FEATURES))] * ROUNDS
    for item in data:
        prediction = predict.predict(item.problem, ScoringModel(networks, statistics, high=None, medium=1.0))
        truth = item.truth[prediction.node]
        reachable = truth >= 0
        assert np.mean(prediction.scope[reachable] == truth[reachable]) > 0.95


@pytest.mark.slow
def test_every_node_with_a_truth_is_predicted_once_in_cross_validation(data: list[LabelledProblem]) -> None:
    found = cross_validated({"dense": data}, 2)

    assert {regime: set(cases) for regime, cases in found.items()} == {"dense": {"aux", "random"}}
    assert sum(len(part.right) for part in found["dense"].values()) == sum(
        np.count_nonzero(~item.problem.is_known & (item.truth != NO_TRUTH)) for item in data
    )


def test_a_threshold_is_the_least_with_the_precision_in_every_case() -> None:
    probability = np.array([0.999, 0.96, 0.94, 0.75])
    first = ScoredPredictions(probability, np.array([True, True, True, False]))
    second = ScoredPredictions(probability, np.array([True, True, False, False]))

    assert least_threshold([first], 0.99, 0.3) == 0.8
    assert least_threshold([first, second], 0.99, 0.3) == 0.95
    assert least_threshold([first, second], 0.99, 0.6) is None


def test_an_operator_is_common_if_enough_models_have_it(data: list[LabelledProblem]) -> None:
    first, last = data[0], data[-1]
    rare = set(last.problem.flow.ops) - set(first.problem.flow.ops)

    assert rare
    assert rare <= common_operators([first, last])
    many = [replace(first, model=str(number)) for number in range(20)]
    assert common_operators([*many, last]).isdisjoint(rare)
    assert common_operators([*many, *(replace(last, model=f"wide_{number}") for number in range(20))]).isdisjoint(rare)


def test_the_file_has_a_line_for_each_row() -> None:
    data = {"roles": ["a", "b"], "rounds": [{"skip": [[0.5, 1.0], [2.0, -1.5]]}], "high": None, "nodes": {"Add": 3}}

    text = dumps(data)

    assert json.loads(text) == data
    assert [line.strip() for line in text.splitlines() if "." in line] == ["[0.5, 1.0],", "[2.0, -1.5]"]
