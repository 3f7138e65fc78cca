"""Sequences are aligned with the best score, and the margin is what another decision costs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.restore import sequence_alignment
from hpass.restore.sequence_alignment import Scores, align

KINDS = 3
MATCH = np.where(np.eye(KINDS, dtype=bool), np.float32(2), np.float32(-3))
# Kind 2 is a part of kind 1.
PART = np.full((KINDS, KINDS), -1e6, np.float32)
PART[2, 1] = 0.5
GAP = np.array([-0.5, -0.5, -0.25], np.float32)
SEQUENCES = st.lists(st.integers(0, KINDS - 1), min_size=1, max_size=6)


def scores(rows: list[int], columns: list[int], fading: float = 0.0) -> Scores:
    unknown = [np.full(len(items), -1, np.int64) for items in (rows, columns)]
    fades = np.full(KINDS, fading, np.float32)
    return Scores(np.array(rows, np.int64), np.array(columns, np.int64), MATCH, PART, GAP, fades, *unknown, 8.0)


def best_score(rows: list[int], columns: list[int]) -> float:
    """Return the best score by trying all alignments."""

    def insertion(item: int, neighbours: list[int]) -> float:
        return max([float(GAP[item]), *(float(PART[item, other]) for other in neighbours)])

    @cache
    def best(i: int, j: int) -> float:
        if (i, j) == (0, 0):
            return 0.0
        found: list[float] = []
        if i and j:
            found.append(best(i - 1, j - 1) + float(MATCH[rows[i - 1], columns[j - 1]]))
        if i:
            found.append(best(i - 1, j) + insertion(rows[i - 1], columns[max(0, j - 1) : j + 1]))
        if j:
            found.append(best(i, j - 1) + insertion(columns[j - 1], rows[max(0, i - 1) : i + 1]))
        return max(found)

    return best(len(rows), len(columns))


@given(SEQUENCES, SEQUENCES)
def test_the_score_is_the_best_of_all_alignments(rows: list[int], columns: list[int]) -> None:
    found = align(scores(rows, columns), np.arange(len(columns)))
    assert found.score == pytest.approx(best_score(rows, columns))


def test_of_equal_alignments_that_of_the_first_rows_is_best() -> None:
    found = align(scores([0, 1, 0, 1, 0, 1], [0, 1], fading=0.1), np.arange(2))
    assert found.column.tolist()[:2] == [0, 1]
    assert set(found.column.tolist()[2:]) <= {-1, 1}


@given(SEQUENCES)
def test_a_sequence_is_matched_with_itself(items: list[int]) -> None:
    found = align(scores(items, items), np.arange(len(items)))
    assert found.column.tolist() == list(range(len(items)))
    assert (found.margin > 0).all()


def test_a_part_belongs_to_its_whole() -> None:
    found = align(scores([0, 1, 2, 2, 0], [0, 1, 0]), np.arange(3))
    assert found.column.tolist() == [0, 1, 1, 1, 2]


def test_a_repeated_item_has_no_margin() -> None:
    found = align(scores([0], [0, 0]), np.arange(2))
    assert found.margin.tolist() == [0.0]
    assert align(scores([0], [0, 0]), np.zeros(2, np.int64)).margin.min() > 1


def test_known_keys_decide() -> None:
    keyed = scores([0, 0, 0], [0, 0, 0, 0])
    keyed.row_keys[:], keyed.column_keys[:] = [5, 6, 7], [4, 5, 6, 7]
    assert align(keyed, np.arange(4)).column.tolist() == [1, 2, 3]


def test_long_sequences_are_matched_in_a_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_alignment, "_MIN_BAND", 8)
    monkeypatch.setattr(sequence_alignment, "_MAX_CELLS", 1)
    columns = np.random.default_rng(0).integers(KINDS, size=300).tolist()
    assert align(scores(columns, columns), np.arange(300)).column.tolist() == list(range(300))


@given(SEQUENCES, SEQUENCES, st.integers(1, 40))
def test_it_does_not_matter_how_many_rows_are_looked_up_at_once(rows: list[int], columns: list[int], size: int) -> None:
    items = scores(rows, columns), np.arange(len(columns))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequence_alignment, "_CHUNK_CELLS", size)
        found = align(*items)

    expected = align(*items)
    assert found.column.tolist() == expected.column.tolist()
    assert found.margin.tolist() == expected.margin.tolist()
