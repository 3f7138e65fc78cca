from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hpass.comparing.arithmetic import EXACT, HALF, QUANTISED
from hpass.comparing.outliers import Candidate, first_outlier, outliers


def layers(*ratios: float, arithmetic: str = HALF) -> list[Candidate]:
    return [Candidate(f"layer.{index}", "Layer", 2, arithmetic, ratio, 1000.0) for index, ratio in enumerate(ratios)]


def test_a_module_far_below_its_peers_stands_out() -> None:
    assert first_outlier(layers(60.0, 58.0, 31.0, 59.0, 57.0, 30.0)) == "layer.2"


def test_the_first_is_named_of_those_that_stand_out_about_as_far() -> None:
    assert first_outlier(layers(60.0, 60.0, 49.0, 60.0, 60.0, 5.0)) == "layer.5"
    assert list(outliers(layers(60.0, 60.0, 49.0, 60.0, 60.0, 5.0))) == ["layer.2", "layer.5"]


def test_an_even_loss_is_nobody_s() -> None:
    assert first_outlier(layers(*[25.0] * 5)) is None


def test_what_varies_much_must_be_farther_off() -> None:
    assert first_outlier(layers(60.0, 50.0, 40.0, 70.0, 35.0, 55.0)) is None


def test_any_difference_stands_out_among_equal_ones() -> None:
    assert first_outlier(layers(*[math.inf] * 3, 150.0, math.inf, arithmetic=EXACT)) == "layer.3"


def test_a_class_that_is_wrong_everywhere_is_wrong_if_most_of_the_model_is_right() -> None:
    right = [Candidate(f"layer.{index}.norm", "Norm", 2, EXACT, math.inf, 1000.0) for index in range(12)]

    assert first_outlier([*right, *layers(60.0, 61.0, 59.0, 60.0, arithmetic=EXACT)]) == "layer.0"


def test_what_is_not_finite_is_wrong_even_if_all_peers_are() -> None:
    assert first_outlier(layers(*[-math.inf] * 5)) == "layer.0"


def test_what_is_good_enough_does_not_stand_out() -> None:
    candidates = [replace(found, bar=100.0) for found in layers(*[math.inf] * 3, 150.0, arithmetic=EXACT)]

    assert first_outlier(candidates) is None


def test_few_peers_of_the_class_make_all_modules_of_the_depth_peers() -> None:
    norm = Candidate("norm", "Norm", 2, HALF, 20.0, 1000.0)

    assert first_outlier([norm, *layers(*[60.0] * 5)]) == "norm"


def test_modules_that_compute_in_other_numbers_are_no_peers() -> None:
    dense = Candidate("dense", "Linear", 2, QUANTISED, 30.0, 1000.0)

    assert first_outlier([dense, *layers(*[math.inf] * 5, arithmetic=EXACT)]) is None


@pytest.mark.parametrize(("inner", "named"), [(math.inf, "block"), (35.0, None)])
def test_a_module_is_not_to_blame_for_what_is_in_it(inner: float, named: str | None) -> None:
    block = Candidate("block", "Block", 1, QUANTISED, 2.0 if math.isinf(inner) else 30.0, 1000.0, ("block.dense",))
    dense = Candidate("block.dense", "Linear", 2, QUANTISED, inner, 1000.0)

    assert first_outlier([block, dense]) == named


def test_the_lowest_module_that_stands_out_is_named() -> None:
    block = Candidate("block", "Block", 1, EXACT, 5.0, 1000.0, ("block.dense",))
    dense = Candidate("block.dense", "Linear", 2, EXACT, 5.0, 1000.0)

    assert first_outlier([block, dense]) == "block.dense"


def test_without_peers_equal_numbers_give_equal_results() -> None:
    assert first_outlier(layers(150.0, arithmetic=EXACT)) == "layer.0"
    assert first_outlier([]) is None
