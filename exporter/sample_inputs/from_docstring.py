"""Generate inputs from the docstring of `forward`, with axis sizes from the config and the names of the axes."""

from __future__ import annotations

import re

import torch

from .builder import SEQUENCE_LENGTH, CandidateTensors, InputBuilder
from .docstring_parser import documented_inputs
from .patches import channels, grid_side

_INTEGER_INPUTS = re.compile(r"(ids|mask|sizes|indices|lengths)$")
_SEQUENCE_AXES = re.compile(r"length|len$|frames|tokens|steps|features")
_PATCH_AXES = re.compile(r"patches|image_tokens")


def documented_shape(builder: InputBuilder, name: str) -> tuple[tuple[int, ...], torch.dtype] | None:
    """Return the shape and the type of an input from the docstring of `forward`; None if it does not state them."""
    found = documented_inputs(builder.model).get(name)
    shape = None if found is None else found.shape(lambda axis: _axis_size(builder, axis))
    return None if found is None or shape is None else (shape, found.dtype)


def from_docstring(builder: InputBuilder, name: str) -> CandidateTensors | None:
    """Return values of the documented shape and type, the likeliest first; None if they are not documented."""
    found = documented_shape(builder, name)
    if found is None:
        return None
    shape, dtype = found
    ones = torch.ones(shape, dtype=torch.int64)
    if dtype == torch.bool:
        return [ones.bool()]
    # Every kind of id includes 0, so ids are zeros first. Other integers are counts or flags, so they are ones first.
    numbers = [ones, torch.zeros_like(ones)]
    if name.endswith("ids"):
        numbers.reverse()
    if dtype == torch.int64 or _INTEGER_INPUTS.search(name):
        return numbers
    return [builder.floats(*shape), *numbers]


def _axis_size(builder: InputBuilder, axis: str) -> int:
    """Return the size of an axis: a setting of the config, SEQUENCE_LENGTH for axes of a sequence, else 1."""
    height, width = builder.sizes.image()
    usual = {"height": height, "width": width, "image_size": height, "num_channels": channels(builder), "batch_size": 1}
    if axis in usual:
        return usual[axis]
    if _PATCH_AXES.search(axis):
        return grid_side(builder) ** 2
    return builder.sizes.number(axis, f"num_{axis}", default=SEQUENCE_LENGTH if _SEQUENCE_AXES.search(axis) else 1)
