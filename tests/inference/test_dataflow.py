"""Roles and edges of the nodes of a region."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest

from hpass.inference.dataflow import Dataflow, Role

MakeFlow = Callable[..., Dataflow]


@pytest.mark.parametrize(
    ("node", "role"),
    [
        ('["n"] y = Relu(x)', Role.UNARY),
        ('["n"] y = Reshape(x, x)', Role.RESHAPING),
        ('["n"] y = Transpose(x)', Role.PERMUTING),
        ('["n"] y = Slice(x, x, x)', Role.SELECTING),
        ('["n"] y = Where(x, x, x)', Role.CONVERTING),
        ('["n"] y = Shape(x)', Role.SHAPE_SOURCE),
        ('["n"] y = MatMul(x, w)', Role.MATRIX),
        ('["n"] y = Gather(w, x)', Role.MATRIX),
        ('["n"] y = Constant <value_float = 1.0> ()', Role.CONSTANT),
        ('["c"] v = Constant <value_float = 1.0> () ["n"] y = Cast(v)', Role.CONSTANT),
        ('["s"] v = Shape(x) ["n"] y = Gather(v, x)', Role.SHAPE_ARITHMETIC),
        ('["s"] v = Shape(x) ["t"] u = Cast(v) ["n"] y = Mul(u, u)', Role.SHAPE_ARITHMETIC),
        ('["s"] v = Shape(x) ["n"] y = Reshape(x, v)', Role.SHAPE_ARITHMETIC),
        ('["a"] v = Relu(x) ["b"] u = Abs(x) ["n"] y = Add(u, v)', Role.JOINING),
    ],
)
def test_the_role_of_a_node(flow: MakeFlow, node: str, role: Role) -> None:
    found = flow(node, "w")

    assert Role(found.role[-1]) is role


def test_edges_join_each_pair_once_in_file_order(flow: MakeFlow) -> None:
    found = flow('["a"] u = Relu(x) ["b"] v = Add(u, u) ["c"] y = Add(v, u)')

    assert list(zip(found.sources.tolist(), found.targets.tolist(), strict=True)) == [(0, 1), (1, 2), (0, 2)]
    assert found.producers == [[], [0], [1, 0]]
    assert found.consumers == [[1, 2], [2], []]


def test_no_property_of_the_flow_changes_another(flow: MakeFlow) -> None:
    found = flow('["t"] v = Transpose(w) ["n"] y = MatMul(x, v)', "w")
    before = deepcopy({name: value for name, value in vars(found).items() if name != "nodes"})

    for name in vars(Dataflow):
        getattr(found, name)

    for name, value in before.items():
        np.testing.assert_array_equal(vars(found)[name], value, err_msg=name)
