"""Inputs made as the documentation of the model states them, their axes as long as the config and their names tell."""

from __future__ import annotations

import re

import torch

from .builder import LENGTH, Candidates, InputBuilder
from .docstring import documented_inputs
from .patches import channels, side_of_grid

_WHOLE_NUMBERS = re.compile(r"(ids|mask|sizes|indices|lengths)$")
_PER_STEP = re.compile(r"length|len$|frames|tokens|steps|features")
_PER_PATCH = re.compile(r"patches|image_tokens")


def from_docstring(maker: InputBuilder, name: str) -> tuple[tuple[int, ...], torch.dtype] | None:
    """Return the shape and the type of an input that the documentation of `forward` tells; None where it does not."""
    found = documented_inputs(maker.model).get(name)
    shape = None if found is None else found.shape(lambda axis: _length(maker, axis))
    return None if found is None or shape is None else (shape, found.dtype)


def shaped_as_documented(maker: InputBuilder, name: str) -> Candidates | None:
    """Return values of that shape and type, the likeliest first; None where the documentation does not tell."""
    found = from_docstring(maker, name)
    if found is None:
        return None
    shape, dtype = found
    ones = torch.ones(shape, dtype=torch.int64)
    if dtype == torch.bool:
        return [ones.bool()]
    # Whatever an id stands for, there is a first; other numbers count or mark things, and 1 is the least that does.
    numbers = [ones, torch.zeros_like(ones)]
    if name.endswith("ids"):
        numbers.reverse()
    if dtype == torch.int64 or _WHOLE_NUMBERS.search(name):
        return numbers
    return [maker.floats(*shape), *numbers]


def _length(maker: InputBuilder, axis: str) -> int:
    """Return how long an axis is by its name: a size of the config, a number of steps, or of things (one)."""
    height, width = maker.sizes.image()
    usual = {"height": height, "width": width, "image_size": height, "num_channels": channels(maker), "batch_size": 1}
    if axis in usual:
        return usual[axis]
    if _PER_PATCH.search(axis):
        return side_of_grid(maker) ** 2
    return maker.sizes.number(axis, f"num_{axis}", default=LENGTH if _PER_STEP.search(axis) else 1)
