"""Percentages add up, and say 100% of all only."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.wording import percent, percentages

COUNTS = st.lists(st.integers(0, 10**7), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([3], ["100%"]),
        ([27, 2], ["93.1%", "6.9%"]),
        ([102, 7, 4], ["90.3%", "6.2%", "3.5%"]),
        ([1, 1, 1], ["33.4%", "33.3%", "33.3%"]),
        ([99_999, 1], ["99.9%", "0.1%"]),
        ([0, 5, 0], ["0%", "100%", "0%"]),
        ([0, 0], ["0%", "0%"]),
    ],
)
def test_percentages_of_counts(counts: list[int], shown: list[str]) -> None:
    assert percentages(counts) == shown


@pytest.mark.parametrize("decimals", [0, 1])
@given(COUNTS)
def test_percentages_add_up_and_are_within_one_unit(decimals: int, counts: list[int]) -> None:
    shown = [Fraction(text.removesuffix("%")) for text in percentages(counts, decimals)]
    total = sum(counts)

    assert sum(shown) == (100 if total else 0)
    for count, share in zip(counts, shown, strict=True):
        assert abs(share - Fraction(100 * count, total or 1)) < Fraction(1, 10**decimals)
        assert (share == 100) == (count == total > 0)
        assert count or not share


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(2, 3, "66.7%"), (1, 3, "33.3%"), (9_999, 10_000, "99.9%"), (1, 10_000, "0.1%"), (7, 7, "100%"), (0, 0, "100%")],
)
def test_one_percentage_is_what_it_would_be_beside_the_rest(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown
