"""A benchmark model: a function that builds it, and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Shapes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Sample:
    """One model to export."""

    build: Callable[[], nn.Module]
    inputs: Mapping[str, Tensor]
    shapes: Shapes | None = None
    """Dynamic axes; None exports fixed shapes."""
    fresh: bool = False
    """Whether the parameters stay as they are initialised. Otherwise all are set to distinct values."""


def tokens(*names: str, batch: int = 2, length: int = 8, vocabulary: int = 50) -> dict[str, Tensor]:
    """Return positive token ids of shape (batch, length) for each name, and ones for names that end with `mask`."""
    generator = torch.Generator().manual_seed(len(names))
    ids = {n: torch.randint(1, vocabulary, (batch, length), generator=generator) for n in names}
    return {n: torch.ones_like(t) if n.endswith("mask") else t for n, t in ids.items()}


def floats(*size: int) -> Tensor:
    """Return a tensor of standard normal values. The same size gives the same values."""
    return torch.randn(size, generator=torch.Generator().manual_seed(sum(size)))


def dynamic(inputs: Mapping[str, Tensor], *axes: str) -> Shapes:
    """Return dynamic axes that name the leading axes of every input: `dynamic(inputs, "batch", "length")`."""
    return {name: dict(enumerate(axes)) for name in inputs}


def returns_tuples() -> bool:
    """Whether transformers is older than version 5, with which TorchScript needs models that return tuples."""
    import transformers

    return int(transformers.__version__.partition(".")[0]) < 5  # noqa: PLR2004


def huggingface(model: str, inputs: Mapping[str, Tensor], shapes: Shapes | None = None, **options: Any) -> Sample:
    """Return a transformers model with random weights, by its class name and the settings of its config."""

    def build() -> nn.Module:
        import transformers

        made = getattr(transformers, model)
        tuples = {"return_dict": False} if returns_tuples() else {}
        return made(made.config_class(**tuples, **options))

    return Sample(build, inputs, shapes)
