"""Further benchmark models written as plain modules."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats, tokens

# Forward methods say in the class docstring what they map; nothing here is an interface.
# ruff: noqa: D102


class GatedConv(nn.Module):
    """A dilated causal convolution with a tanh-sigmoid gate; gives the residual and the skip path."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d((dilation, 0), 0.0)
        self.filter_conv = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.gate_conv = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.residual, self.skip = nn.Conv1d(channels, channels, 1), nn.Conv1d(channels, 10, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        padded = self.pad(x)
        gated = torch.tanh(self.filter_conv(padded)) * torch.sigmoid(self.gate_conv(padded))
        return x + self.residual(gated), self.skip(gated)


class WaveNet(nn.Module):
    """Two cycles of dilated layers whose skips are summed."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, 8, 1)
        self.cycles = nn.ModuleList([nn.ModuleList([GatedConv(8, 2**i) for i in range(3)]) for _ in range(2)])
        self.end = nn.Sequential(nn.ReLU(), nn.Conv1d(10, 10, 1), nn.ReLU(), nn.Conv1d(10, 16, 1))

    def forward(self, wave: Tensor) -> Tensor:
        x, total = self.start(wave), torch.zeros(1)
        for cycle in (cast("nn.ModuleList", cycle) for cycle in self.cycles):
            for layer in cycle:
                x, skip = layer(x)
                total = total + skip
        return self.end(total).log_softmax(1)


class Align(nn.Module):
    """Predicts a square matrix that turns the points."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.mlp = nn.Sequential(nn.Conv1d(size, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 12, 1))
        self.fc = nn.Linear(12, size * size)

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.fc(self.mlp(x).amax(-1)).view(-1, self.size, self.size)
        return torch.bmm(matrix + torch.eye(self.size), x)


class PointNet(nn.Module):
    """Aligns points, lifts them, aligns features and pools: points to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.align_input, self.align_features = Align(3), Align(8)
        self.lift = nn.Sequential(nn.Conv1d(3, 8, 1), nn.ReLU())
        self.classify = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 4))

    def forward(self, points: Tensor) -> Tensor:
        return self.classify(self.align_features(self.lift(self.align_input(points))).amax(-1))


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


class Film(nn.Module):
    """Scales and shifts features by what a condition says."""

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


class StateSpace(nn.Module):
    """A selective scan over a short sequence, unrolled."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.rate = nn.Parameter(torch.rand(width))
        self.select = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.in_proj(x).chunk(2, -1)
        keep = torch.exp(-f.softplus(self.select(value)) * self.rate)
        state, states = torch.zeros_like(value[:, 0]), []
        for i in range(x.shape[1]):
            state = keep[:, i] * state + (1 - keep[:, i]) * value[:, i]
            states.append(state)
        return self.out_proj(torch.stack(states, 1) * f.silu(gate))


class Sequence(nn.Module):
    """State-space layers with norms: ids to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.layers = nn.ModuleDict({f"layer_{i}": StateSpace(8) for i in range(2)})
        self.norms = nn.ModuleDict({f"layer_{i}": nn.LayerNorm(8) for i in range(2)})
        self.head = nn.Linear(8, 50)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        for name, layer in self.layers.items():
            x = x + layer(self.norms[name](x))
        return self.head(x)


_POINTS = {"points": floats(2, 3, 20)}
_IDS = tokens("ids", length=5)

SAMPLES: dict[str, Sample] = {
    "plain_wavenet": Sample(WaveNet, {"wave": floats(2, 1, 24)}),
    "plain_pointnet": Sample(PointNet, _POINTS, dynamic(_POINTS, "batch")),
    "plain_shufflenet": Sample(ShuffleNet, {"image": floats(2, 3, 16, 16)}, {"image": {0: "batch"}}),
    "plain_denoiser": Sample(
        Denoiser, {"image": floats(2, 3, 8, 8), "step": torch.tensor([3.0, 7.0]), "context": floats(2, 5, 6)}
    ),
    "plain_state_space": Sample(Sequence, _IDS),
}
