"""Modules by analogy with sibling blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from hpass.inference.block_analogy import analogous_modules
from hpass.inference.dataflow import Dataflow

MakeChain = Callable[[Iterable[str]], Dataflow]

BLOCK = ("MatMul", "Relu", "MatMul", "Add", "Tanh")


def layers(count: int, hidden: Iterable[int]) -> list[str | None]:
    """Return the modules of a chain of blocks, those at these positions hidden."""
    names = ("in", "act", "out", "", "norm")
    scopes: list[str | None] = [f"layer.{block}.{name}".rstrip(".") for block in range(count) for name in names]
    for position in hidden:
        scopes[position] = None
    return scopes


@pytest.mark.parametrize("block", [0, 3, 5, 11])
def test_a_twin_s_module_is_suggested_with_the_numbers_of_this_block(chain: MakeChain, block: int) -> None:
    scopes = layers(12, [5 * block + 1])

    assert analogous_modules(chain(BLOCK * 12), scopes) == {5 * block + 1: f"layer.{block}.act"}


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param(layers(12, []), id="nothing is unknown"),
        pytest.param(layers(12, range(60)), id="nothing is known"),
    ],
)
def test_no_suggestion(chain: MakeChain, scopes: Sequence[str | None]) -> None:
    assert analogous_modules(chain(BLOCK * 12), scopes) == {}


def test_a_node_that_has_no_twin_gets_no_suggestion(chain: MakeChain) -> None:
    assert analogous_modules(chain(["Relu", "Erf", "Abs"]), ["a", None, "a"]) == {}
