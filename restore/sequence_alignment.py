"""Global alignment of two sequences of operators, with the alternatives to each decision.

It is the algorithm of Needleman and Wunsch, run from both ends. The best score of all alignments that put an item in a
certain place is the sum of both, and the *margin* of a decision is what the best alignment loses if the item goes
elsewhere. An item may also be a part of the item before or after its place: one side has an operation that the other
side has as several. If the rows have more repeated blocks than the columns, many alignments are equally good; a match
in an early row counts a little more, so that the last blocks are those without a counterpart.

Needleman, S. B., Wunsch, C. D. (1970). A general method applicable to the search for similarities in the amino acid
sequence of two proteins. Journal of Molecular Biology 48(3), 443-453.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Cells of the table that are computed, at most: 8 million take 1 s and 70 MB. Longer sequences are aligned in a
# band around the diagonal.
_MAX_CELLS = 8_000_000
_MIN_BAND = 256
_IMPOSSIBLE = np.float32(-1e9)


@dataclass(frozen=True)
class Scores:
    """The scores of two sequences, whose items are given by the numbers of their kinds.

    rows, columns: the kind of each item, shape (n,) and (m,).
    match: the score of two kinds in the same place, shape (kinds, kinds).
    part: the score of a kind as a part of another one, shape (kinds, kinds).
    gap: the score of an item without a counterpart, by kind.
    fading: the share of its score that a match loses from the first row to the last, by kind of the row.
    row_keys, column_keys: what is known of the items, shape (n,) and (m,), -1 if nothing is. An item whose key is known
        gains `key_score` in the place of the same key, and loses it in any other.
    """

    rows: Ints
    columns: Ints
    match: Floats
    part: Floats
    gap: Floats
    fading: Floats
    row_keys: Ints
    column_keys: Ints
    key_score: float
    is_reversed: bool = False
    """Whether the last row comes first."""

    def ordered(self, rows: Ints, columns: Ints) -> Scores:
        """Return the scores of the sequences in other orders."""
        return replace(
            self,
            rows=self.rows[rows],
            columns=self.columns[columns],
            row_keys=self.row_keys[rows],
            column_keys=self.column_keys[columns],
        )

    def reversed(self) -> Scores:
        """Return the scores of the reversed sequences."""
        turned = self.ordered(np.arange(len(self.rows))[::-1], np.arange(len(self.columns))[::-1])
        return replace(turned, is_reversed=not self.is_reversed)

    def worth(self, row: int) -> np.float32:
        """Return the share of its score that a match has in a row."""
        position = len(self.rows) - 1 - row if self.is_reversed else row
        return np.float32(1 - self.fading[self.rows[row]] * position / len(self.rows))


class Alignment(NamedTuple):
    """The column that each row is matched with or a part of, -1 for none, and the margin; both of shape (n,)."""

    column: Ints
    margin: Floats
    score: float


def align(scores: Scores, groups: Ints) -> Alignment:
    """Align two sequences. `groups` has the group of each column: the margin is towards columns of other groups."""
    band = _Band(len(scores.rows), len(scores.columns))
    return _decide(scores, groups, band, _fill(scores, band), _fill(scores.reversed(), band))


class _Band:
    """The columns that are computed in each row of the table, which has n + 1: `width` from `start(row)` on."""

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        self.width = min(m + 1, max(_MIN_BAND, _MAX_CELLS // (n + 1)))

    def start(self, row: int) -> int:
        """Return the first column; the band of the reversed sequences is the same one, reversed."""
        centre = (row * self.m + self.n // 2) // max(1, self.n)
        return min(max(0, centre - self.width // 2), self.m + 1 - self.width)


def _match(scores: Scores, row: int, columns: slice) -> Floats:
    """Return the scores of one row in the places of some columns."""
    match = scores.match[scores.rows[row]][scores.columns[columns]]
    match = np.where(match > 0, match * scores.worth(row), match)
    key = scores.row_keys[row]
    if key < 0:
        return match
    return match + np.where(scores.column_keys[columns] == key, scores.key_score, -scores.key_score)


def _insertion(scores: Scores, row: int, columns: slice) -> tuple[Floats, Floats]:
    """Return the score of a row as a part of each of some columns, and between them: a part of a neighbour, or a gap.

    The second is longer by one.
    """
    kind = scores.rows[row]
    parts = scores.part[kind][scores.columns[columns]]
    padded = np.full(len(parts) + 2, -np.inf, np.float32)
    padded[1:-1] = parts
    return parts, np.maximum(scores.gap[kind], np.maximum(padded[:-1], padded[1:]))


def _skips(scores: Scores, row: int, columns: slice) -> Floats:
    """Return the score of each of some columns between row `row` and the one before it: a part of one, or a gap."""
    kinds = scores.columns[columns]
    skips = scores.gap[kinds]
    for neighbour in (row - 1, row):
        if 0 <= neighbour < len(scores.rows):
            skips = np.maximum(skips, scores.part[kinds, scores.rows[neighbour]])
    return skips


def _fill(scores: Scores, band: _Band) -> Floats:
    """Return the best scores of all beginnings of the sequences, shape (n + 1, width)."""
    width = band.width
    table = np.full((band.n + 1, width), _IMPOSSIBLE, np.float32)
    table[0, 0] = 0.0
    for row in range(band.n + 1):
        start = band.start(row)
        columns = slice(start, start + width - 1)
        current = table[row]
        if row:
            shift = start - band.start(row - 1)
            above = np.full(width + 1, _IMPOSSIBLE, np.float32)
            # From the place before the first column of this row on.
            known = table[row - 1][max(0, shift - 1) :]
            above[1 - min(1, shift) :][: len(known)] = known
            np.add(above[1:], _insertion(scores, row - 1, columns)[1], out=current)
            np.maximum(current[1:], above[1:-1] + _match(scores, row - 1, columns), out=current[1:])
        total = np.zeros(width)
        np.cumsum(_skips(scores, row, columns), out=total[1:], dtype=np.float64)
        np.add(np.maximum.accumulate(current - total), total, out=current, casting="same_kind")
    return table


def _decide(scores: Scores, groups: Ints, band: _Band, before: Floats, after: Floats) -> Alignment:
    n, m, width = band.n, band.m, band.width
    column = np.full(n, -1, np.int64)
    margin = np.zeros(n, np.float32)
    for row in range(n):
        # What follows is the end of the reversed sequences, with columns counted from the end.
        above_start, below_start = band.start(row), m + 1 - width - band.start(n - row - 1)
        start, end = max(above_start, below_start), min(above_start, below_start) + width
        above = before[row][start - above_start : end - above_start]
        below = after[n - row - 1][::-1][start - below_start : end - below_start]
        columns = slice(start, end - 1)
        inserted = above + below
        if end - start < 2:  # noqa: PLR2004 (one place, so no column)
            continue
        matched = above[:-1] + _match(scores, row, columns) + below[1:]
        as_part = np.maximum(inserted[1:], inserted[:-1]) + _insertion(scores, row, columns)[0]
        best = np.maximum(matched, as_part)
        choice = int(best.argmax())
        value = float(best[choice])
        if value <= float(inserted.max() + scores.gap[scores.rows[row]]):
            continue
        column[row] = start + choice
        margin[row] = value - float(best[groups[columns] != groups[start + choice]].max(initial=_IMPOSSIBLE))
    return Alignment(column, margin, float(before[n][-1]))
