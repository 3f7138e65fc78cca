from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from benchmarks.architectures.instability import instability

pytestmark = pytest.mark.torch


class Chance(nn.Module):
    """No two runs agree."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


class Ties(nn.Module):
    """All candidates are equal, so which of them it takes is not said."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.topk(torch.zeros_like(x), 1).indices + x


class Rounded(nn.Module):
    """The sum is a little less or more than 1 by rounding alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ((x / 49) * 49 < x).float() + x


class Patched(transformers.PreTrainedModel):
    """Computes something else while it is exported, as where an exporter swaps its attention."""

    config_class = transformers.BertConfig

    def __init__(self, config: transformers.BertConfig) -> None:
        super().__init__(config)
        self.linear = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": x + 1 if torch.compiler.is_exporting() else x}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Chance(), "in two runs with the same inputs"),
        (Ties(), "with how ties within a top-k are broken"),
        (Rounded(), "between float32 and float64"),
        (Patched(transformers.BertConfig()), "the program that transformers' exporter makes of it"),
    ],
)
def test_torch_differs_from_itself(model: nn.Module, words: str) -> None:
    found = instability(model, {"x": torch.arange(1.0, 99.0)}, 0.5)
    assert found is not None
    assert found.endswith(words)


def test_a_stable_model_explains_nothing() -> None:
    assert instability(nn.Linear(4, 4), {"input": torch.ones(1, 4)}, 0.5) is None
