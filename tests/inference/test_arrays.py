"""Concatenated ranges and lookups of whole arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpass.inference.arrays import concatenated_ranges
from hpass.inference.sorted_lookup import SortedLookup


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4))))
def test_ranges_are_those_of_python_one_after_the_other(ranges: list[tuple[int, int]]) -> None:
    starts, lengths = (np.array([pair[part] for pair in ranges], np.int64) for part in (0, 1))

    number, element = concatenated_ranges(starts, lengths)

    expected = [(at, index) for at, (start, length) in enumerate(ranges) for index in range(start, start + length)]
    assert list(zip(number.tolist(), element.tolist(), strict=True)) == expected


@given(st.dictionaries(st.integers(0, 50), st.floats(-1, 1)), st.lists(st.integers(0, 50)))
def test_a_lookup_has_the_values_of_a_dictionary(values: dict[int, float], wanted: list[int]) -> None:
    lookup = SortedLookup.of(np.array([*values], np.int64), np.array([*values.values()], float))

    assert lookup.get(np.array(wanted, np.int64), 2.0).tolist() == [values.get(key, 2.0) for key in wanted]
