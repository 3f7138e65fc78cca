"""Plain torch.nn models, each with a factory for `hpass export FILE.py:FACTORY`."""
# ruff: noqa: D102, D103 (a forward runs the model, and a factory builds it)

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

Made = tuple[nn.Module, tuple[torch.Tensor, ...]]


class SimpleCNN(nn.Module):
    """Two convolutions, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 8 * 8, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(functional.relu(self.conv1(x)))
        x = self.pool(functional.relu(self.conv2(x)))
        return self.fc2(functional.relu(self.fc1(x.flatten(1))))


class UnusualConvolutions(nn.Module):
    """Grouped, depthwise, dilated and transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 16, 3, padding=1, groups=4)
        self.dilated = nn.Conv2d(16, 16, 3, padding=2, dilation=2)
        self.depthwise = nn.Sequential(
            nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.BatchNorm2d(16), nn.Hardswish(), nn.Conv2d(16, 24, 1)
        )
        self.reflected = nn.Conv2d(24, 24, 3, padding=1, padding_mode="reflect")
        self.transposed = nn.ConvTranspose2d(24, 8, 4, stride=2, padding=1)
        self.line = nn.Conv1d(8, 8, 3, stride=2)
        self.norm = nn.GroupNorm(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.dilated(self.grouped(x)))
        x = self.reflected(self.depthwise(x))
        x = self.norm(self.transposed(x))
        return self.line(x.flatten(2))


class Head(nn.Module):
    """A small head with a norm and a projection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.norm(x))


class Auxiliary(nn.Module):
    """A backbone with two auxiliary heads, and reshaping between them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 24)
        self.mix = nn.Linear(24, 24)
        self.early = Head(24)
        self.late = Head(12)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 24))

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.embed(ids) * self.scale
        early = self.early(x.mean(1))
        x = functional.silu(self.mix(x)).transpose(1, 2).reshape(ids.shape[0], -1, 12)
        left, right = x.split(x.shape[1] // 2, 1)
        pooled = torch.cat([left.amax(1, keepdim=True), right.amin(1, keepdim=True)], 1)
        return {"early": early, "late": self.late(pooled)}


class ConvolutionAndMLP(nn.Module):
    """A convolutional stem and a multilayer perceptron with a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()
        )
        self.mlp = nn.ModuleList([nn.Linear(16, 32), nn.Linear(32, 16)])
        self.act = nn.GELU()
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x).mean((2, 3))
        y = x
        for layer in self.mlp:
            y = self.act(layer(y))
        return self.head(x + y)


class AttentionAndConvolution(nn.Module):
    """A convolution that makes tokens of an image, attention over the tokens, and another convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Conv2d(3, 32, 4, stride=4)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.norm = nn.LayerNorm(32)
        self.local = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.head = nn.Linear(32, 7)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        grid = self.tokens(image)
        x = grid.flatten(2).transpose(1, 2)
        mixed, _ = self.attention(self.norm(x), self.norm(x), self.norm(x), need_weights=False)
        grid = (x + mixed).transpose(1, 2).reshape_as(grid)
        return self.head(self.local(grid).mean((2, 3)))


class Shared(nn.Module):
    """A block that is called several times under one name and once under another."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(16, 16), nn.Sequential(nn.Tanh(), nn.Linear(16, 16)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


class Odd(nn.Module):
    """A model with everything that makes modules hard to name.

    It has a shared block that is called several times, a ModuleDict with a slash in a key, a ParameterList, tied
    weights, nested Sequentials, a helper method, a submodule called by its `forward`, a module returned by a property,
    and shapes that depend on data.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 16)
        self.shared = Shared()
        self.again = self.shared
        self.branches = nn.ModuleDict({"left/0": nn.Linear(16, 16), "right": nn.Sequential(nn.Linear(16, 16))})
        self.scales = nn.ParameterList([torch.full((16,), 1.1), torch.full((16,), 0.9)])
        self.direct = nn.Linear(16, 16)
        self.gates = nn.ModuleList([nn.Sigmoid()])
        self.decoder = nn.Linear(16, 40, bias=False)
        self.decoder.weight = self.embed.weight

    @property
    def gate(self) -> nn.Module:
        """A submodule under another name."""
        return self.gates[0]

    def helper(self, x: torch.Tensor) -> torch.Tensor:
        """Run operations in a method of the model itself."""
        for scale in self.scales:
            x = self.shared(x) * scale
        return x

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.helper(self.embed(ids))
        for branch in self.branches.values():
            x = x * self.gate(branch(x))
        x = self.direct.forward(self.again(x))
        kept = x[x.mean(-1) > 0]
        return self.decoder(x), kept


def simple_cnn() -> Made:
    return SimpleCNN(), (torch.randn(1, 3, 32, 32),)


def unusual_convolutions() -> Made:
    return UnusualConvolutions(), (torch.randn(2, 4, 16, 16),)


def auxiliary() -> Made:
    return Auxiliary(), (torch.randint(0, 50, (2, 8)),)


def convolution_and_mlp() -> Made:
    return ConvolutionAndMLP(), (torch.randn(2, 3, 32, 32),)


def attention_and_convolution() -> Made:
    return AttentionAndConvolution(), (torch.randn(1, 3, 32, 32),)


def odd() -> Made:
    return Odd(), (torch.randint(0, 40, (2, 6)),)
