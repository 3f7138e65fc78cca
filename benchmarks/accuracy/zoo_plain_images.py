"""Benchmark models that generate, compare or segment images, as plain torch.nn modules."""

from __future__ import annotations

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats


class DoubleConv(nn.Sequential):
    """A Sequential subclass that is called."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
            nn.GroupNorm(2, channels_out),
            nn.SiLU(),
        )


class UNet(nn.Module):
    """Down and up in ModuleLists, with skip connections: image to a mask of the same size."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([DoubleConv(3, 8), DoubleConv(8, 12), DoubleConv(12, 16)])
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList([nn.ConvTranspose2d(16, 12, 2, 2), nn.ConvTranspose2d(12, 8, 2, 2)])
        self.merge = nn.ModuleList([DoubleConv(24, 12), DoubleConv(16, 8)])
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        kept = []
        for i, block in enumerate(self.down):
            image = block(self.pool(image) if i else image)
            kept.append(image)
        for up, merge, skip in zip(self.up, self.merge, kept[-2::-1], strict=True):
            image = merge(torch.cat([up(image), skip], 1))
        return self.head(image).sigmoid()


class Film(nn.Module):
    """Scales and shifts features by a projection of a condition."""

    def __init__(self, condition: int, channels: int) -> None:
        super().__init__()
        self.to_scale, self.to_shift = nn.Linear(condition, channels), nn.Linear(condition, channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x * (1 + self.to_scale(condition)[..., None, None]) + self.to_shift(condition)[..., None, None]


class TimeEmbedding(nn.Module):
    """Sines and cosines of a step, then a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 8))

    def forward(self, step: Tensor) -> Tensor:
        angle = step[:, None] * torch.exp(torch.arange(4) * -1.5)
        return self.proj(torch.cat([angle.sin(), angle.cos()], -1))


class DenoiseBlock(nn.Module):
    """A convolution under a condition, with cross attention to a context."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(2, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.film = Film(8, channels)
        self.q, self.kv = nn.Conv2d(channels, channels, 1), nn.Linear(6, 2 * channels)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        x = x + self.film(self.conv(f.silu(self.norm(x))), time)
        key, value = self.kv(context).chunk(2, -1)
        query = self.q(x).flatten(2).transpose(1, 2)
        mixed = (query @ key.transpose(1, 2) * x.shape[1] ** -0.5).softmax(-1) @ value
        return x + mixed.transpose(1, 2).reshape(x.shape)


class Denoiser(nn.Module):
    """A step of diffusion: noisy image, step and context to noise."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.conv_in = TimeEmbedding(), nn.Conv2d(3, 8, 3, padding=1)
        self.down, self.mid, self.up = DenoiseBlock(8), DenoiseBlock(8), DenoiseBlock(8)
        self.conv_out = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, image: Tensor, step: Tensor, context: Tensor) -> Tensor:
        time, x = self.time(step), self.conv_in(image)
        x = self.down(x, time, context)
        y = self.mid(f.avg_pool2d(x, 2), time, context)
        return self.conv_out(self.up(x + f.interpolate(y, scale_factor=2.0), time, context))


class Generator(nn.Module):
    """A flat Sequential of transposed convolutions that ends in a pixel shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(6, 8 * 4 * 4)
        self.main = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(8, 12, 4, 2, 1, bias=False),
            nn.InstanceNorm2d(12, affine=True),
            nn.ELU(),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.PixelShuffle(2),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.main(self.project(z).view(-1, 8, 4, 4))


class Tower(nn.Module):
    """A small convolution tower that ends in a unit vector."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2)
        self.act, self.proj = nn.PReLU(), nn.Linear(8, 6)

    def forward(self, image: Tensor) -> Tensor:
        return f.normalize(self.proj(self.act(self.conv2(self.act(self.conv1(image)))).mean((2, 3))), dim=-1)


class Siamese(nn.Module):
    """One tower called for both images, then a comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.tower, self.compare = Tower(), nn.Linear(12, 1)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        one, two = self.tower(left), self.tower(right)
        return (one * two).sum(-1), self.compare(torch.cat([one, two], -1))


class Pyramid(nn.Module):
    """A feature pyramid whose heads are shared over the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict(
            {f"c{i}": nn.Sequential(nn.Conv2d(3 if i == 1 else 8, 8, 3, 2, 1), nn.ReLU()) for i in (1, 2, 3)}
        )
        self.lateral = nn.ModuleList([nn.Conv2d(8, 6, 1) for _ in range(3)])
        self.smooth = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1) for _ in range(3)])
        self.cls_head, self.box_head = (
            nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1)) for _ in range(2)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        levels = []
        for stage, side in zip(self.body.values(), self.lateral, strict=True):
            image = stage(image)
            levels.append(side(image))
        for i in (1, 0):
            levels[i] = levels[i] + f.interpolate(levels[i + 1], scale_factor=2.0, mode="nearest")
        smooth = [layer(x) for layer, x in zip(self.smooth, levels, strict=True)]
        classes = [self.cls_head(x).flatten(2).transpose(1, 2) for x in smooth]
        boxes = [self.box_head(x).flatten(2).transpose(1, 2).exp() for x in smooth]
        return torch.cat(classes, 1).sigmoid(), torch.cat(boxes, 1)


_IMAGE = {"image": floats(2, 3, 16, 16)}

SAMPLES: dict[str, Sample] = {
    "plain_unet": Sample(UNet, _IMAGE, dynamic(_IMAGE, "batch")),
    "plain_denoiser": Sample(
        Denoiser, {"image": floats(2, 3, 8, 8), "step": torch.tensor([3.0, 7.0]), "context": floats(2, 5, 6)}
    ),
    "plain_generator": Sample(Generator, {"z": floats(2, 6)}),
    "plain_siamese": Sample(Siamese, {"left": floats(2, 3, 16, 16), "right": floats(2, 3, 16, 16) + 1}),
    "plain_pyramid": Sample(Pyramid, {"image": floats(1, 3, 32, 32)}),
}
