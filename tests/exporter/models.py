"""Small models for the exporter's tests, as a user would write them."""
# ruff: noqa: D101

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(x)) + x


class Net(nn.Module):
    """A list of blocks, one of them under a second name, an unused layer and one called by its `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.again = self.blocks[0]
        self.unused = nn.Linear(2, 2)
        self.direct = nn.Linear(6, 6)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 6 * 6, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = self.direct.forward(self.again(x))
        return self.head(x)


class Either(nn.Module):
    """One of two layers, by the values of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.cond(x.sum() > 0, self.one, self.other, (x,)))


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(4, 4)

    def forward(self, left: torch.Tensor, right: torch.Tensor, *, gain: float = 1.0) -> dict[str, torch.Tensor]:
        return {"sum": self.scale(left) * gain + right, "left": left * 2}


class Sorted(nn.Module):
    """An operator that no ONNX exporter knows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvalsh(x @ x.T)


def either() -> tuple[nn.Module, torch.Tensor]:
    return Either(), torch.randn(2, 4)


def net() -> tuple[nn.Module, torch.Tensor]:
    return Net(), torch.randn(1, 3, 8, 8)


def net_without_inputs() -> nn.Module:
    return Net()


def pair() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    return Pair(), {"left": torch.randn(2, 4), "right": torch.randn(2, 4)}


def attention() -> tuple[nn.Module, torch.Tensor]:
    """Return a layer that torch computes by one fused operation where it need not keep gradients."""
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(1, 5, 8)


class Overlapping(nn.Module):
    """Cuts what is not contiguous in memory into windows that overlap."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = x.transpose(0, 1)
        return turned.as_strided((2, 2, 2), (1, 3, 3)) * 2


def overlapping() -> tuple[nn.Module, torch.Tensor]:
    return Overlapping(), torch.arange(12.0).reshape(4, 3)


class Squeezed(nn.Module):
    """Squeezes an axis that is longer than one, which torch lets be."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1).squeeze(1) * 2


def squeezed() -> tuple[nn.Module, torch.Tensor]:
    return Squeezed(), torch.randn(2, 4)


def unsupported() -> tuple[nn.Module, tuple[torch.Tensor]]:
    return Sorted(), (torch.randn(3, 3),)


def measured() -> tuple[nn.Module, torch.Tensor]:
    """Return a model whose making looks at a weight, and an input that does not come from torch."""
    made = Net()
    made.gain = 1.0 + made.stem.weight.abs().max().item()
    return made, torch.from_numpy(np.zeros((1, 3, 8, 8), np.float32))


def raises() -> nn.Module:
    raise ValueError("no weights\non this machine")


def wrong_type() -> str:
    return "a model"


def wrong_inputs() -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    return Net(), (torch.randn(1), torch.randn(1))


class WithoutParameters(nn.Module):
    """A module that has none."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(x)


class OnCpu(WithoutParameters):
    """A module with a parameter on a device of its own choice."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, device="cpu"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(x * self.scale)


def without_parameters() -> tuple[nn.Module, torch.Tensor]:
    return WithoutParameters(), torch.zeros(1)


def on_cpu() -> tuple[nn.Module, torch.Tensor]:
    return OnCpu(), torch.zeros(1)
