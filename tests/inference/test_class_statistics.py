"""Counts of operators by class: names of classes, mutual information, nodes per module."""

from __future__ import annotations

import pytest

from hpass.inference.class_statistics import OTHER_CLASS, ClassStatistics, torch_class

COUNTED = ClassStatistics(
    {"Linear": 10, "Dropout": 8, OTHER_CLASS: 5},
    {"Linear": {"MatMul": 10, "Add": 10}, "Dropout": {}, OTHER_CLASS: {"Add": 40}},
)


def test_mutual_information_is_positive_for_what_a_class_often_becomes() -> None:
    assert 1 >= COUNTED.pmi("Linear", "MatMul") > 0 > COUNTED.pmi(OTHER_CLASS, "MatMul") >= -1


def test_mutual_information_is_zero_for_a_class_that_was_never_counted() -> None:
    assert [COUNTED.pmi(name, "MatMul") for name in ("Conv2d", None)] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "share"), [("Linear", 0.5), ("Dropout", 0.0), (OTHER_CLASS, 1.0), ("Conv2d", 0.5), (None, 0.5)]
)
def test_nodes_per_module_are_scaled_to_four(name: str | None, share: float) -> None:
    assert COUNTED.nodes_per_module(name) == share


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("torch.nn.modules.linear.Linear", "Linear"),
        ("torch.nn.modules.conv.Conv2d", "Conv2d"),
        ("Linear", "Linear"),
        ("Conv2d", OTHER_CLASS),
        ("my.package.Linear", OTHER_CLASS),
        (None, None),
    ],
)
def test_a_bare_name_is_taken_for_a_counted_class_of_torch(name: str | None, counted: str | None) -> None:
    assert COUNTED.counted_name(name) == counted


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("torch.nn.modules.linear.Linear", "Linear"),
        ("my.package.Linear", OTHER_CLASS),
        ("Linear", OTHER_CLASS),
        (None, None),
    ],
)
def test_only_a_qualified_name_is_a_class_of_torch(name: str | None, found: str | None) -> None:
    assert torch_class(name) == found


@pytest.mark.parametrize(
    ("name", "operator", "may"),
    [
        ("Linear", "MatMul", True),
        ("Linear", "Relu", False),
        ("Dropout", "MatMul", False),
        ("my.package.Linear", "Relu", True),
        ("Conv2d", "Relu", True),
        (None, "Relu", True),
    ],
)
def test_a_counted_class_becomes_only_what_it_is_associated_with(name: str | None, operator: str, *, may: bool) -> None:
    assert COUNTED.may_become(name, operator) is may


@pytest.mark.parametrize(
    ("name", "operator", "never"),
    [
        ("Linear", "MatMul", False),
        ("Dropout", "MatMul", True),
        ("Dropout", "QLinearMatMul", False),
        ("my.package.Linear", "MatMul", False),
        ("my.package.StableDropout", "MatMul", True),
        ("my.package.DropoutBlock", "MatMul", False),
        (None, "MatMul", False),
    ],
)
def test_a_counted_class_never_becomes_what_only_other_classes_became(
    name: str | None, operator: str, *, never: bool
) -> None:
    assert COUNTED.never_becomes(name, operator) is never


@pytest.mark.parametrize(
    ("name", "idle"),
    [("Dropout", True), ("StochasticDropout", True), ("Linear", False), ("Conv2d", False), (None, False)],
)
def test_a_class_is_idle_if_it_or_one_that_it_is_named_after_never_became_anything(
    name: str | None, *, idle: bool
) -> None:
    assert COUNTED.is_idle(name) is idle
