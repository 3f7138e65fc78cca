"""Benchmark models that read audio, as plain torch.nn modules."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, floats


class GatedConv(nn.Module):
    """A dilated causal convolution with a tanh-sigmoid gate; returns the residual and the skip path."""

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


class SoundTagger(nn.Module):
    """A learned filter bank, dilated convolutions and attention pooling over raw sound."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = nn.Conv1d(1, 12, 32, 16)
        self.layers = nn.ModuleList(
            [nn.ModuleList([nn.Conv1d(12, 12, 3, padding=2**i, dilation=2**i), nn.BatchNorm1d(12)]) for i in range(3)]
        )
        self.query = nn.Parameter(torch.randn(1, 1, 12))
        self.attend = nn.MultiheadAttention(12, 2, batch_first=True)
        self.out = nn.Linear(12, 4)

    def forward(self, sound: Tensor) -> Tensor:
        x = torch.log1p(self.bank(sound.unsqueeze(1)).pow(2))
        for conv, norm in (cast("nn.ModuleList", layer) for layer in self.layers):
            x = x + f.gelu(norm(conv(x)))
        x = x.transpose(1, 2)
        pooled, _ = self.attend(self.query.expand(x.shape[0], -1, -1), x, x)
        return self.out(pooled.squeeze(1))


class Quantizer(nn.Module):
    """Nearest code of a code book."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.randn(20, 6))

    def forward(self, x: Tensor) -> Tensor:
        distance = (x[..., None, :] - self.codes).pow(2).sum(-1)
        return self.codes[distance.argmin(-1)]


class CodeBook(nn.Module):
    """An autoencoder of nested Sequentials around a quantizer."""

    def __init__(self) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Sequential(nn.Conv1d(8, 8, 3, 1, 1), nn.ReLU()), nn.Conv1d(8, 6, 3, 2, 1))
        self.encoder = nn.Sequential(nn.Sequential(nn.Conv1d(2, 8, 5, 2, 2), nn.ReLU()), inner)
        self.quantizer = Quantizer()
        self.decoder = nn.Sequential(
            nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(6, 8, 3, 1, 1), nn.ReLU()),
            nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(8, 2, 3, 1, 1)),
        )

    def forward(self, wave: Tensor) -> Tensor:
        codes = self.quantizer(self.encoder(wave).transpose(1, 2))
        return self.decoder(codes.transpose(1, 2))


SAMPLES: dict[str, Sample] = {
    "plain_wavenet": Sample(WaveNet, {"wave": floats(2, 1, 24)}),
    "plain_sound_tagger": Sample(SoundTagger, {"sound": floats(2, 800)}),
    "plain_code_book": Sample(CodeBook, {"wave": floats(2, 2, 32)}),
}
