"""Comparing two results of the accuracy benchmark."""

from __future__ import annotations

from typing import Any

from benchmarks.accuracy.compare import compare, text


def result(*rows: tuple[str, int, str]) -> dict[str, Any]:
    """Return a result of one case: models with their exact answers and a mistake."""
    return {
        "rows": [
            {"model": model, "engine": "current", "case": "aux", "total": {"exact": exact}, "mistakes": [mistake]}
            for model, exact, mistake in rows
        ]
    }


def test_a_result_is_identical_to_itself() -> None:
    found = compare(result(("a", 3, "x"), ("b", 4, "y")), result(("b", 4, "y"), ("a", 3, "x")))

    assert found.identical
    assert text(found) == "2 rows equal, 0 differ\n"


def test_a_mistake_that_is_another_one_is_a_difference() -> None:
    found = compare(result(("a", 3, "x")), result(("a", 3, "y")))

    assert not found.identical
    assert text(found) == "a current aux: 3 -> 3 exact (+0)\n0 rows equal, 1 differ\n"


def test_the_greatest_loss_comes_first_and_rows_of_one_result_are_named() -> None:
    found = compare(
        result(("a", 3, "x"), ("b", 9, "x"), ("c", 1, "x"), ("d", 1, "x")),
        result(("a", 5, "x"), ("b", 7, "x"), ("c", 1, "x"), ("e", 1, "x")),
    )

    assert text(found).splitlines() == [
        "b current aux: 9 -> 7 exact (-2)",
        "a current aux: 3 -> 5 exact (+2)",
        "d current aux: only in the first",
        "e current aux: only in the second",
        "1 rows equal, 2 differ",
    ]
