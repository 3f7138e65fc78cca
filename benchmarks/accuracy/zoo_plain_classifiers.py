"""Benchmark models that classify images, as plain torch.nn modules."""

from __future__ import annotations

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats


class DenseLayer(nn.Module):
    """Norm, activation and convolution, concatenated with the input."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, growth, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(f.relu(self.norm(x)))], 1)


class DenseNet(nn.Module):
    """Dense blocks as named children of a Sequential: image to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 8, 3, padding=1))
        channels = 8
        for block in range(2):
            layers = nn.Sequential()
            for layer in range(3):
                layers.add_module(f"denselayer{layer + 1}", DenseLayer(channels, 4))
                channels += 4
            self.features.add_module(f"denseblock{block + 1}", layers)
            self.features.add_module(
                f"transition{block + 1}",
                nn.Sequential(
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels // 2, 1),
                    nn.AvgPool2d(2),
                ),
            )
            channels //= 2
        self.classifier = nn.Linear(channels, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(f.adaptive_avg_pool2d(f.relu(self.features(image)), 1).flatten(1))


class Inception(nn.Module):
    """Four branches in a ModuleDict, concatenated along the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                "1x1": nn.Conv2d(channels, 4, 1),
                "3x3": nn.Sequential(nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1)),
                "5x5": nn.Sequential(nn.Conv2d(channels, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 5, padding=2)),
                "pool": nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, 2, 1)),
            }
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(torch.cat([branch(x) for branch in self.branches.values()], 1))


class GoogLeNet(nn.Module):
    """Inception blocks: image to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.LocalResponseNorm(3), nn.ReLU())
        self.inception_a, self.inception_b = Inception(8), Inception(16)
        self.drop, self.fc = nn.Dropout(0.2), nn.Linear(16, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.inception_b(self.inception_a(self.stem(image)))
        return self.fc(self.drop(x.mean((2, 3))))


class GlobalPool(nn.Module):
    """Spatial mean, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)


class Swish(nn.Module):
    """x times its sigmoid, in elementary operations."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class SqueezeExcite(nn.Module):
    """Scales channels by a gate computed from their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool, self.act = GlobalPool(), Swish()
        self.reduce, self.expand = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.expand(self.act(self.reduce(self.pool(x)))))


class InvertedResidual(nn.Module):
    """Depthwise convolution between two pointwise ones, with a gate."""

    def __init__(self, channels: int, wide: int) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), Swish())
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide), Swish()
        )
        self.se = SqueezeExcite(wide)
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(self.se(self.depthwise(self.expand(x))))


class GatedCnn(nn.Module):
    """Inverted residuals in stages: image to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.stages = nn.Sequential(
            nn.Sequential(InvertedResidual(8, 16), InvertedResidual(8, 24)),
            nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1), InvertedResidual(12, 24)),
        )
        self.pool, self.flat, self.head = GlobalPool(), nn.Flatten(), nn.Linear(12, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.flat(self.pool(self.stages(f.hardswish(self.stem(image))))))


class Shuffle(nn.Module):
    """Mixes channel groups, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)


class ShuffleUnit(nn.Module):
    """Works on one half of the channels and shuffles."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            nn.Conv2d(half, half, 1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1, groups=half),
        )
        self.shuffle = Shuffle()

    def forward(self, x: Tensor) -> Tensor:
        kept, worked = x.chunk(2, 1)
        return self.shuffle(torch.cat([kept, self.branch(worked)], 1))


class ShuffleNet(nn.Module):
    """Shuffled half-convolutions: image to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)
        self.units = nn.Sequential(*[ShuffleUnit(8) for _ in range(3)])
        self.fc = nn.Linear(8, 4)

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.units(self.conv(image)).mean([2, 3]))


class Residual(nn.Module):
    """Adds the wrapped module's output, behind a norm, to its input."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(width), fn

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fn(self.norm(x))


class Swap(nn.Module):
    """Swaps the last two axes, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class Mixer(nn.Module):
    """An MLP mixer as Sequentials within wrappers within a Sequential."""

    def __init__(self) -> None:
        super().__init__()

        def mlp(size: int) -> nn.Sequential:
            return nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * size, size))

        self.net = nn.Sequential(
            nn.Conv2d(3, 12, 4, 4),
            nn.Flatten(2),
            Swap(),
            *[
                nn.Sequential(
                    Residual(12, nn.Sequential(Swap(), mlp(16), Swap())),
                    Residual(12, mlp(12)),
                )
                for _ in range(2)
            ],
            nn.LayerNorm(12),
        )
        self.head = nn.Linear(12, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.net(image).mean(1))


_IMAGE = {"image": floats(2, 3, 16, 16)}
_axes = dynamic(_IMAGE, "batch")

SAMPLES: dict[str, Sample] = {
    "plain_densenet": Sample(DenseNet, _IMAGE, _axes),
    "plain_googlenet": Sample(GoogLeNet, _IMAGE),
    "plain_gated_cnn": Sample(GatedCnn, _IMAGE, _axes),
    "plain_shufflenet": Sample(ShuffleNet, _IMAGE, _axes),
    "plain_mixer": Sample(Mixer, _IMAGE, _axes),
}
