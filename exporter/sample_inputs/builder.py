"""The data that input rules use: the model's sizes, the given inputs, and reproducible random values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from .config_sizes import Sizes

# The number of tokens of a text, or of steps of another sequence.
SEQUENCE_LENGTH = 16


@dataclass(frozen=True, slots=True)
class InputBuilder:
    """The data to generate the inputs of one model. The same config gives the same values.

    `given` are inputs that must not be generated, and `tokens` is a text as encoded by the model's tokenizer.
    """

    model: torch.nn.Module
    sizes: Sizes
    given: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    tokens: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def floats(self, *shape: int) -> torch.Tensor:
        """Return a float32 tensor of standard normal values."""
        return torch.randn(shape, generator=self.generator)

    def ints(self, high: int, *shape: int) -> torch.Tensor:
        """Return an int64 tensor of uniform values in [0, high)."""
        return torch.randint(0, max(high, 1), shape, generator=self.generator)


CandidateTensors = list[torch.Tensor]
"""Possible values of an input, the likeliest first."""

InputRule = Callable[[InputBuilder], CandidateTensors]
"""Generates the input with a known name."""

PartInputRule = Callable[[InputBuilder, str], CandidateTensors]
"""Generates an input with a known ending. The second argument is the rest of the name, a part of the model."""
