"""Medians and their intervals."""

from __future__ import annotations

import numpy as np

from hpass.profiling.statistics import least_disturbed, median_intervals


def test_the_interval_of_a_median_holds_the_true_one() -> None:
    random = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        # Times of runs on a busy machine: most are alike, some take several times as long.
        samples = 100 + random.exponential(10, size=(50, 1))
        found = median_intervals(samples, np.zeros(1))
        held += bool(found.low[0] <= 100 + 10 * np.log(2) <= found.high[0])

    assert held >= 180


def test_many_columns_are_alike_to_each_alone() -> None:
    samples = np.random.default_rng(3).exponential(size=(20, 100))
    rounding = np.linspace(0, 1, 100)
    together = median_intervals(samples, rounding)
    alone = median_intervals(samples[:, 70:71], rounding[70:71])

    assert together.low[70] == alone.low[0]
    assert together.high[70] == alone.high[0]
    assert (together.low >= 0).all()


def test_one_run_has_the_interval_of_the_clock() -> None:
    found = median_intervals(np.array([[7.0]]), np.array([0.5]))

    assert (found.low[0], found.median[0], found.high[0]) == (6.5, 7.0, 7.5)


def test_runs_that_were_taken_the_processor_are_left_out() -> None:
    assert least_disturbed(np.array([0.0, 3.0, 0.0, 1.0, 0.0])).tolist() == [True, False, True, False, True]
    assert least_disturbed(np.array([2.0, 2.0])).all()
    assert least_disturbed(np.zeros(0)).tolist() == []
