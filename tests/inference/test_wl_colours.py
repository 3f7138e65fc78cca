"""Similar nodes: those at the same position of repeated blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from hpass.inference.dataflow import Dataflow
from hpass.inference.wl_colours import colourings, similar_nodes

MakeChain = Callable[[Iterable[str]], Dataflow]

BLOCK = ("MatMul", "Relu", "MatMul", "Add", "Tanh")


def test_nodes_in_like_places_of_repeated_blocks_are_twins(chain: MakeChain) -> None:
    finest = colourings(chain(BLOCK * 12))[0]

    assert finest[5 * 5 + 1] == finest[6 * 5 + 1]
    assert finest[5 * 5] != finest[5 * 5 + 2]
    assert len(set(finest[4 * 5 : 8 * 5].tolist())) == len(BLOCK)


def test_colourings_get_coarser(chain: MakeChain) -> None:
    counts = [len(set(colour.tolist())) for colour in colourings(chain(BLOCK * 12))]

    assert counts == sorted(counts, reverse=True)


def test_twins_give_the_share_of_each_kind(chain: MakeChain) -> None:
    flow = chain(BLOCK * 12)
    known = np.arange(len(flow)) != 31
    kinds = np.arange(len(flow)) % len(BLOCK)

    node, kind, share = similar_nodes(flow, known, kinds)

    assert (node.tolist(), kind.tolist(), share.tolist()) == ([31], [1], [1.0])


def test_a_node_without_a_twin_gets_no_kind(chain: MakeChain) -> None:
    known = np.array([True, False, True])

    node, _, _ = similar_nodes(chain(["Relu", "Tanh", "Abs"]), known, np.zeros(3, np.int64))

    assert node.tolist() == []
