"""Sizes as numbers and formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.costs.sizes import SizeSum, free_names, parse_size, substituted


@pytest.mark.parametrize(
    ("text", "sizes", "value"),
    [
        ("12", {}, 12),
        ("batch", {"batch": 3}, 3),
        ("past + current", {"past": 3, "current": 4}, 7),
        ("2*s0*s1", {"s0": 3, "s1": 5}, 30),
        ("s0//2 + 1", {"s0": 7}, 4),
        ("floor(h/2 + 1/2)", {"h": 7}, 4),
        ("Max(1, s0 - 5)", {"s0": 3}, 1),
        ("Mod(s0, 4)", {"s0": 7}, 3),
        ("(s0 - 1)**2", {"s0": 4}, 9),
        ("a.b c", {"a.b c": 3}, 3),
    ],
)
def test_texts_of_exporters(text: str, sizes: dict[str, int], value: int) -> None:
    size = parse_size(text)

    assert free_names(size) == sizes.keys()
    assert substituted(size, sizes) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('false')",
        "9**9**9",
        "-3",
        "1/0",
        "x if y else z",
        "f(x)",
        "(a" * 200,
        "*".join(f"(a{index} + b{index})" for index in range(30)),
        "((((a + b)**8)**8)**8)**8",
    ],
)
def test_what_is_no_formula_is_a_name(text: str) -> None:
    assert free_names(parse_size(text)) == {text}


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 3))), st.integers(1, 9), st.integers(1, 9)
)
def test_a_sum_of_formulas_is_the_formula_of_the_sum(terms: list[tuple[int, int, int]], a: int, b: int) -> None:
    x, y = parse_size("x"), parse_size("y")
    found = SizeSum()
    for count, left, right in terms:
        found.add(count * x**left * y**right if left or right else count)

    assert substituted(found.total(), {"x": a, "y": b}) == sum(n * a**left * b**right for n, left, right in terms)
