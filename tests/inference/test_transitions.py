"""Features of the boundaries between nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpass.inference.dataflow import Dataflow
from hpass.inference.gaps import Gap
from hpass.inference.scoring_model import load_model
from hpass.inference.transitions import boundary_features, live_value_counts, transition_costs

MakeFlow = Callable[..., Dataflow]
NODES = """["0"] p = Abs(x) ["1"] c = Constant <value_float = 1.0> () ["2"] q = Mul(p, c) ["3"] y = Add(q, p)"""


def test_values_are_live_from_their_writer_to_their_last_reader(flow: MakeFlow) -> None:
    # The value of the constant does not count.
    assert live_value_counts(flow(NODES)).tolist() == [1, 1, 2, 0]


def test_every_boundary_has_features_between_0_and_1_and_two_costs(flow: MakeFlow) -> None:
    nodes = flow(NODES)

    features = boundary_features(nodes, [Gap(1, 3, (0,))])

    assert len(features) == len(nodes) + 1
    assert features.min() >= 0
    assert features.max() <= 1
    costs = transition_costs(features, load_model(1.0).statistics.transition_coefficients)
    assert [cost.shape for cost in costs] == [(len(nodes) + 1,)] * 2


def test_a_module_rather_ends_before_a_constant_than_between_it_and_its_reader(flow: MakeFlow) -> None:
    nodes = flow(NODES)
    features = boundary_features(nodes, [Gap(0, 4, (0,))])

    leave_up, _ = transition_costs(features, load_model(1.0).statistics.transition_coefficients)

    assert np.argmax(leave_up[1:3]) == 1
