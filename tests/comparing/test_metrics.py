from __future__ import annotations

import math

import numpy as np
import pytest

from hpass.comparing.metrics import distance, worst

ONE = np.array([3.0, -4.0], np.float32)


def test_the_ratio_is_that_of_the_signal_to_the_noise_in_decibels() -> None:
    assert distance(ONE, ONE + np.float32(0.5)).snr == pytest.approx(10 * math.log10(25 / 0.5))


def test_a_smaller_type_is_compared_as_numbers() -> None:
    assert distance(ONE, ONE.astype(np.float16)).is_equal


def test_what_is_not_finite_is_counted_unless_it_is_expected() -> None:
    bad = np.array([np.nan, np.inf, 1.0])

    assert distance(np.array([0.0, 0.0, 1.0]), bad)[2:] == (1, 1)
    assert distance(bad, bad).is_equal
    assert distance(np.array([0.0, 0.0, 1.0]), bad).quality == -math.inf


def test_other_shapes_have_no_ratio() -> None:
    assert distance(ONE, ONE[:1]).snr is None


def test_integers_are_exact() -> None:
    assert distance(np.array([1, 2]), np.array([1, 2])).is_equal
    assert not distance(np.array([1, 2]), np.array([1, 3])).is_equal


def test_the_worst_of_several_has_the_lowest_ratio_and_all_counts() -> None:
    bad = distance(ONE, np.array([np.nan, -4.0], np.float32))
    found = worst([distance(ONE, ONE), bad, distance(ONE, ONE + 1)])

    assert found is not None
    assert (found.nan, found.max_abs, found.quality) == (1, 1.0, -math.inf)
    assert worst([]) is None
