"""Inputs as the documentation of `forward` states them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hpass.exporter.sample_inputs.docstring_parser import documented_inputs

pytestmark = pytest.mark.torch

SIZES = {"batch_size": 1, "frames": 16, "side": 4, "merge": 2}


class Told(nn.Module):
    """Says of its inputs what transformers says of them."""

    def forward(self, **inputs: torch.Tensor) -> None:
        r"""Return nothing.

        latents (`torch.Tensor` of shape `(batch_size, frames, config.side * merge)`, *optional*):
            Features.
        ids (`torch.LongTensor` of shape `[batch_size (>= merge), side + 1]`):
            Numbers.
        mask (`torch.BoolTensor` of shape `(batch_size,)`):
            Truths.
        cache (`Cache`, *optional*):
            No tensor.
        ragged (`torch.Tensor` of shape `(batch_size, len(names))`):
            A size that only the code knows.
        """


def test_shapes_and_types_are_read() -> None:
    found = documented_inputs(Told())
    assert {name: entry.dtype for name, entry in found.items()} == {
        "latents": torch.float32, "ids": torch.int64, "mask": torch.bool, "ragged": torch.float32,
    }  # fmt: skip
    shapes = {name: entry.shape(SIZES.__getitem__) for name, entry in found.items()}
    assert shapes == {"latents": (1, 16, 8), "ids": (1, 5), "mask": (1,), "ragged": None}


def test_a_module_without_documentation_states_nothing() -> None:
    assert documented_inputs(nn.Linear(1, 1)) == {}
