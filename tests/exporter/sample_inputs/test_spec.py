from __future__ import annotations

import pytest
import torch

from hpass.errors import UsageError
from hpass.exporter import InputSpec, format_input, parse_input

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("x=1x3x8x8:float32", InputSpec("x", (1, 3, 8, 8))),
        ("x=1,3:int64", InputSpec("x", (1, 3), torch.int64)),
        ("mask=4:bool", InputSpec("mask", (4,), torch.bool)),
        ("gain=:float64", InputSpec("gain", (), torch.float64)),
        ("x=2", InputSpec("x", (2,))),
    ],
)
def test_name_shape_and_dtype(text: str, spec: InputSpec) -> None:
    assert parse_input(text) == spec
    made = spec.tensor()
    assert (tuple(made.shape), made.dtype) == (spec.shape, spec.dtype)
    assert torch.equal(made, spec.tensor())


@pytest.mark.parametrize("text", ["x", "=1x2", "x=1xa", "x=1x:float32", "x=-1x2:float32"])
def test_another_form(text: str) -> None:
    with pytest.raises(UsageError, match="not of the form name=shape:dtype, as in"):
        parse_input(text)


def test_an_unknown_dtype_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unknown dtype 'float31'; use one of float32, "):
        parse_input("x=1:float31")


@pytest.mark.parametrize("text", ["x=1x3x8x8:float32", "mask=4:bool", "gain=:float64"])
def test_a_tensor_is_told_as_it_is_read(text: str) -> None:
    spec = parse_input(text)
    assert format_input(spec.name, spec.tensor()) == text
