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

from collections.abc import Iterator
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
# Cells for which scores are looked up at once. Not tuned.
_CHUNK_CELLS = 1 << 18
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

    def worth(self, rows: Ints) -> Floats:
        """Return the share of its score that a match has in each of some rows."""
        position = len(self.rows) - 1 - rows if self.is_reversed else rows
        return 1 - self.fading[self.rows[rows]] * position.astype(np.float32) / np.float32(len(self.rows))


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
    """The columns that are computed in each row of the table, which has n + 1: `width` from `starts(row)` on."""

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        self.width = min(m + 1, max(_MIN_BAND, _MAX_CELLS // (n + 1)))

    def starts(self, rows: Ints) -> Ints:
        """Return the first column of each row; the band of the reversed sequences is the same one, reversed."""
        centres = (rows * self.m + self.n // 2) // max(1, self.n)
        return np.clip(centres - self.width // 2, 0, self.m + 1 - self.width)

    def chunks(self, rows: int) -> Iterator[Ints]:
        """Yield the first rows, as many at once as fit into a table of `_CHUNK_CELLS`."""
        size = max(1, _CHUNK_CELLS // self.width)
        return (np.arange(first, min(first + size, rows)) for first in range(0, rows, size))

    def columns(self, starts: Ints) -> Ints:
        """Return the columns of some rows, shape (rows, width - 1), by the first column of each."""
        return starts[:, None] + np.arange(self.width - 1)


def _match(scores: Scores, rows: Ints, columns: Ints) -> Floats:
    """Return the scores of some rows, each in the places of some columns, shape (rows, columns)."""
    match = scores.match[scores.rows[rows, None], scores.columns[columns]]
    match = np.where(match > 0, match * scores.worth(rows)[:, None], match)
    keys = scores.row_keys[rows, None]
    if (keys < 0).all():
        return match
    key_score = np.where(scores.column_keys[columns] == keys, scores.key_score, -scores.key_score)
    return match + np.where(keys < 0, 0, key_score).astype(np.float32)


def _parts(scores: Scores, rows: Ints, columns: Ints) -> Floats:
    """Return the score of each row as a part of each of some columns, shape (rows, columns)."""
    return scores.part[scores.rows[rows, None], scores.columns[columns]]


def _insertions(scores: Scores, rows: Ints, columns: Ints) -> Floats:
    """Return the score of each row between columns: a part of a neighbour, or a gap; shape (rows, columns + 1)."""
    parts = _parts(scores, rows, columns)
    found = np.repeat(scores.gap[scores.rows[rows, None]], parts.shape[1] + 1, axis=1)
    np.maximum(found[:, :-1], parts, out=found[:, :-1])
    np.maximum(found[:, 1:], parts, out=found[:, 1:])
    return found


def _skips(scores: Scores, rows: Ints, columns: Ints) -> Floats:
    """Return the score of each of some columns between a row and the one before it: a part of one, or a gap."""
    kinds = scores.columns[columns]
    skips = scores.gap[kinds]
    for neighbours in (rows - 1, rows):
        neighbour_kinds = scores.rows[np.clip(neighbours, 0, len(scores.rows) - 1), None]
        skips = np.maximum(skips, scores.part[kinds, neighbour_kinds])
    return skips


def _fill(scores: Scores, band: _Band) -> Floats:
    """Return the best scores of all beginnings of the sequences, shape (n + 1, width)."""
    width = band.width
    table = np.full((band.n + 1, width), _IMPOSSIBLE, np.float32)
    table[0, 0] = 0.0
    above = np.full(width + 1, _IMPOSSIBLE, np.float32)
    start_before = 0
    for rows in band.chunks(band.n + 1):
        starts = band.starts(rows)
        columns = band.columns(starts)
        before = np.maximum(rows - 1, 0)
        match, insertions = _match(scores, before, columns), _insertions(scores, before, columns)
        totals = np.zeros((len(rows), width))
        np.cumsum(_skips(scores, rows, columns), axis=1, out=totals[:, 1:], dtype=np.float64)
        for index, (row, start) in enumerate(zip(rows.tolist(), starts.tolist(), strict=True)):
            current, total = table[row], totals[index]
            if row:
                shift = start - start_before
                # From the place before the first column of this row on.
                known = table[row - 1][max(0, shift - 1) :]
                first = 1 - min(1, shift)
                above[first : first + len(known)] = known
                above[first + len(known) :] = above[:first] = _IMPOSSIBLE
                np.add(above[1:], insertions[index], out=current)
                np.maximum(current[1:], above[1:-1] + match[index], out=current[1:])
            start_before = start
            np.add(np.maximum.accumulate(current - total), total, out=current, casting="same_kind")
    return table


def _decide(scores: Scores, groups: Ints, band: _Band, before: Floats, after: Floats) -> Alignment:
    column = np.full(band.n, -1, np.int64)
    margin = np.zeros(band.n, np.float32)
    places = np.arange(band.width)
    for rows in band.chunks(band.n if band.width > 1 else 0):
        starts = band.starts(rows)
        columns = band.columns(starts)
        above = before[rows]
        # What follows is the end of the reversed sequences, with columns counted from the end.
        starts_after = band.m + 1 - band.width - band.starts(band.n - rows - 1)
        at = (starts - starts_after)[:, None] + places
        below = np.take_along_axis(after[band.n - rows - 1, ::-1], np.clip(at, 0, band.width - 1), axis=1)
        below[(at < 0) | (at >= band.width)] = _IMPOSSIBLE
        inserted = above + below
        matched = above[:, :-1] + _match(scores, rows, columns) + below[:, 1:]
        as_part = np.maximum(inserted[:, 1:], inserted[:, :-1]) + _parts(scores, rows, columns)
        best = np.maximum(matched, as_part)
        each = np.arange(len(rows))
        choice = best.argmax(axis=1)
        value, chosen = best[each, choice], columns[each, choice]
        others = np.where(groups[columns] != groups[chosen, None], best, _IMPOSSIBLE).max(axis=1)
        found = value > inserted.max(axis=1) + scores.gap[scores.rows[rows]]
        column[rows] = np.where(found, chosen, -1)
        margin[rows] = np.where(found, value - others, 0)
    return Alignment(column, margin, float(before[band.n][-1]))
