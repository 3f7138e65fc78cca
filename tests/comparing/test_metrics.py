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

    found = distance(np.array([0.0, 0.0, 1.0]), bad)

    assert (found.nan, found.inf) == (1, 1)
    assert distance(bad, bad).is_equal
    assert distance(np.array([0.0, 0.0, 1.0]), bad).quality == -math.inf


def test_the_cosine_is_that_of_the_angle_and_the_relative_difference_has_a_floor() -> None:
    found = distance(np.array([1.0, 0.0]), np.array([1.0, 1.0]))

    assert found.cosine == pytest.approx(math.sqrt(0.5))
    assert found.max_rel == pytest.approx(1 / (0.01 * math.sqrt(0.5)))
    assert distance(np.zeros(2), np.ones(2)).cosine is None


def test_what_float16_cannot_hold_is_counted() -> None:
    expected = np.array([1.0, 65504.0, -65505.0, np.inf])

    assert distance(expected, expected).beyond_half == 1


@pytest.mark.parametrize("mask", [-1e4, -65504.0, -np.inf, -3.4e38])
def test_what_stands_for_infinity_may_be_another_large_number(mask: float) -> None:
    assert distance(np.array([0.5, -3.4e38]), np.array([0.5, mask])).is_equal


@pytest.mark.parametrize(("expected", "found"), [(-3.4e38, 0.0), (0.0, -3.4e38), (1e5, np.inf), (-np.inf, 1e5)])
def test_what_is_infinite_in_one_tensor_only_is_counted(expected: float, found: float) -> None:
    assert distance(np.array([1.0, expected]), np.array([1.0, found])).inf == 1


def test_large_tensors_are_compared_in_pieces() -> None:
    expected = np.ones((3, 1 << 20), np.float32)
    found = expected.copy()
    found[-1, -1] = 2.0

    assert distance(expected, found).snr == pytest.approx(10 * math.log10(expected.size))


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
