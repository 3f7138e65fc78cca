"""What inputs are made of: the model's sizes, what is given already, and random values that are the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from .config_sizes import Sizes

# Tokens of a text, or steps of what else has some.
LENGTH = 16


@dataclass(frozen=True, slots=True)
class InputBuilder:
    """Makes the inputs of one model. The same config gives the same values."""

    model: torch.nn.Module
    sizes: Sizes
    given: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    text: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def floats(self, *shape: int) -> torch.Tensor:
        """Return normally distributed float32 values."""
        return torch.randn(shape, generator=self.generator)

    def ints(self, high: int, *shape: int) -> torch.Tensor:
        """Return int64 values in [0, high)."""
        return torch.randint(0, max(high, 1), shape, generator=self.generator)


Candidates = list[torch.Tensor]
"""What an input could look like, the likeliest first."""

InputRule = Callable[[InputBuilder], Candidates]
"""Makes the input of one name."""

PartInputRule = Callable[[InputBuilder, str], Candidates]
"""Makes the input of the part of the model that its name begins with."""
