"""The shares of nodes that `--fail-under` asks for."""

from __future__ import annotations

import pytest

from hpass import UsageError
from hpass.reporting.minimum_shares import MinimumShare, shortfalls
from hpass.reporting.totals import AuxiliaryTotals, Totals


def totals(nodes: int, *, high: int = 0, medium: int = 0, low: int = 0, fallback: int = 0) -> Totals:
    """Return the counts of a model; the nodes that are not counted have no tag."""
    tagged = high + medium + low
    return Totals(
        nodes,
        tagged,
        {"name": tagged - fallback, "fallback": fallback},
        {"high": high, "medium": medium, "low": low},
        AuxiliaryTotals(),
        modules=1,
        tags=1,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("high=95", ("high", 95)), ("medium=99.5%", ("medium", 99.5)), ("coverage=0", ("coverage", 0))],
)
def test_a_minimum_is_a_measure_and_a_percentage(text: str, expected: tuple[str, float]) -> None:
    assert MinimumShare.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("high", "'high' is not MEASURE=PERCENT, such as high=95"),
        ("hihg=95", "no measure 'hihg'; did you mean high?"),
        ("high=", "'' is not a percentage; give a number from 0 to 100"),
        ("high=101", "'101' is not a percentage; give a number from 0 to 100"),
        ("high=nan", "'nan' is not a percentage; give a number from 0 to 100"),
        ("high=-1", "'-1' is not a percentage; give a number from 0 to 100"),
    ],
)
def test_another_text_is_an_error_that_says_why(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        MinimumShare.parse(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [
        pytest.param("high=60", [], id="as many as asked for are enough"),
        pytest.param("high=60.1", ["high: 6 of 10 nodes (60%), less than 60.1%"], id="high"),
        pytest.param("medium=80", [], id="high counts as medium"),
        pytest.param("medium=81", ["medium: 8 of 10 nodes (80%), less than 81%"], id="medium"),
        pytest.param("coverage=80", ["coverage: 7 of 10 nodes (70%), less than 80%"], id="a fallback covers nothing"),
    ],
)
def test_a_shortfall_says_what_there_is_and_what_was_asked_for(minimum: str, expected: list[str]) -> None:
    found = totals(10, high=6, medium=2, low=1, fallback=2)

    assert list(shortfalls([MinimumShare.parse(minimum)], found)) == expected


def test_every_minimum_counts() -> None:
    minimums = [MinimumShare("high", 90), MinimumShare("high", 50), MinimumShare("coverage", 90)]

    assert [text.partition(":")[0] for text in shortfalls(minimums, totals(10, high=7))] == ["high", "coverage"]


def test_a_model_without_nodes_falls_short_of_nothing() -> None:
    assert list(shortfalls([MinimumShare("high", 100)], totals(0))) == []
