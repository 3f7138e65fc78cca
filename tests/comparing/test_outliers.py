from __future__ import annotations

import math

from hpass.comparing.outliers import first_outlier

LAYERS = [f"layer.{index}" for index in range(5)]
KINDS = dict.fromkeys(LAYERS, "Layer")


def test_a_module_far_below_its_peers_stands_out() -> None:
    quality = dict(zip(LAYERS, [60.0, 58.0, 31.0, 59.0, 30.0], strict=True))

    assert first_outlier(LAYERS, quality, KINDS) == "layer.2"


def test_an_even_loss_is_nobody_s() -> None:
    assert first_outlier(LAYERS, dict.fromkeys(LAYERS, 25.0), KINDS) is None


def test_any_difference_stands_out_among_equal_ones() -> None:
    assert first_outlier(LAYERS, {**dict.fromkeys(LAYERS, math.inf), "layer.3": 150.0}, KINDS) == "layer.3"


def test_few_peers_of_the_class_make_all_modules_peers() -> None:
    order = ["norm", *LAYERS]
    quality = {"norm": 20.0, **dict.fromkeys(LAYERS, 60.0)}

    assert first_outlier(order, quality, {**KINDS, "norm": "Norm"}) == "norm"


def test_what_was_not_measured_is_passed_over() -> None:
    assert first_outlier(LAYERS, {"layer.1": 10.0}, KINDS) == "layer.1"
    assert first_outlier(LAYERS, {}, KINDS) is None
