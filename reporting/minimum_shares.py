"""Minimum shares of well-tagged nodes, which a run must reach: `high=95`, `medium=99`, `coverage=100`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..errors import UsageError, nearest, quoted
from ..wording import counted, percent

if TYPE_CHECKING:
    from .totals import Totals

_MAX_PERCENT = 100


class MinimumShare(NamedTuple):
    """The least share of nodes, in percent, that a measure must count: `high`, `medium` or `coverage`."""

    measure: str
    percent: float

    @classmethod
    def parse(cls, text: str) -> MinimumShare:
        """Read `MEASURE=PERCENT`, with or without a percent sign. Raises UsageError if the text has another form."""
        measure, equals, number = text.partition("=")
        if not equals:
            raise UsageError(f"{quoted(text)} is not MEASURE=PERCENT, such as high=95")
        if measure not in MEASURES:
            raise UsageError(f"no measure {quoted(measure)}{nearest(measure, MEASURES)}")
        try:
            share = float(number.removesuffix("%"))
        except ValueError:
            share = -1.0
        if not 0 <= share <= _MAX_PERCENT:
            raise UsageError(f"{quoted(number)} is not a percentage; give a number from 0 to 100")
        return cls(measure, share)


def shortfalls(minimums: Iterable[MinimumShare], totals: Totals) -> Iterator[str]:
    """Yield one line for each minimum that a model does not reach."""
    for minimum in minimums:
        count = MEASURES[minimum.measure](totals)
        if _MAX_PERCENT * count < minimum.percent * totals.nodes:
            share = f"{count:,} of {counted(totals.nodes, 'node')} ({percent(count, totals.nodes)})"
            yield f"{minimum.measure}: {share}, less than {minimum.percent:g}%"


def _covered(totals: Totals) -> int:
    """Return the number of nodes with a tag that is not a fallback."""
    return totals.tagged - totals.sources["fallback"]


def _at_least_medium(totals: Totals) -> int:
    return totals.confidences["high"] + totals.confidences["medium"]


def _high(totals: Totals) -> int:
    return totals.confidences["high"]


MEASURES: Mapping[str, Callable[[Totals], int]] = {
    "high": _high,
    "medium": _at_least_medium,
    "coverage": _covered,
}
"""Each measure with the number of nodes that it counts."""
