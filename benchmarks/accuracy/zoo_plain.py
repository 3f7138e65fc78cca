"""Benchmark models written as plain modules, each with its own way of arranging submodules."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats, tokens

# Forward methods say in the class docstring what they map; nothing here is an interface.
# ruff: noqa: D102


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


class DenseLayer(nn.Module):
    """Normalise, activate, convolve; the result joins the input."""

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
    """Four branches in a ModuleDict, joined on the channels."""

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
    """x times its sigmoid, spelled out."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class SqueezeExcite(nn.Module):
    """Scales channels by a gate worked out from their means."""

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


class OddHead(nn.Module):
    """A head that keeps its layers under numbers and odd names."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"0": nn.Linear(width, width), "in-between": nn.Tanh(), "1": nn.Linear(width, out)})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers.values():
            x = layer(x)
        return x


class MultiTask(nn.Module):
    """A trunk and heads in a ModuleDict within a ModuleDict, under odd names."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 16))
        self.tasks = nn.ModuleDict(
            {
                "a/b": nn.ModuleDict({"mean": OddHead(16, 1), "scale": nn.Sequential(nn.Linear(16, 1), nn.Softplus())}),
                "2": OddHead(16, 3),
                "rank_1": nn.Linear(16, 4),
            }
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.trunk(x)
        pair = cast("nn.ModuleDict", self.tasks["a/b"])
        return pair["mean"](x), pair["scale"](x), self.tasks["2"](x).softmax(-1), self.tasks["rank_1"](x)


class Factored(nn.Module):
    """Holds its weights in a ParameterList and a ParameterDict."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.left = nn.ParameterList([nn.Parameter(torch.randn(width, 4)) for _ in range(parts)])
        self.right = nn.ParameterDict({f"r{i}": nn.Parameter(torch.randn(4, width)) for i in range(parts)})

    def forward(self, x: Tensor) -> Tensor:
        total = x
        for one, two in zip(self.left, self.right.values(), strict=True):
            total = total + torch.tanh(x @ one) @ two
        return total


class ParameterOddities(nn.Module):
    """Weights outside torch.nn layers, buffers, and an einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Factored(12, 2), Factored(12, 3))
        self.mixing = nn.Parameter(torch.randn(3, 12, 5))
        self.register_buffer("centre", torch.randn(12))
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        x = (self.blocks(x) - self.centre) * self.scale
        return torch.einsum("bw,kwo->bko", x, self.mixing).amax(1)


class Recurrent(nn.Module):
    """Embedding, GRU, two-way LSTM and attention pooling over short sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 12)
        self.gru = nn.GRU(12, 16, batch_first=True)
        self.lstm = nn.LSTM(16, 8, batch_first=True, bidirectional=True)
        self.score, self.out = nn.Linear(16, 1), nn.Linear(16, 5)

    def forward(self, ids: Tensor) -> Tensor:
        x, _ = self.gru(self.embed(ids))
        x, _ = self.lstm(x)
        return self.out((self.score(x).softmax(1) * x).sum(1))


class Universal(nn.Module):
    """One transformer layer called four times, with a step embedding of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.steps = nn.Embedding(50, 16), nn.Embedding(4, 16)
        self.layer = HandLayer(16, 2)
        self.norm = RmsNorm(16)
        self.halt = nn.Linear(16, 1)

    def forward(self, ids: Tensor) -> Tensor:
        x, weight = self.embed(ids), torch.zeros(1)
        for step in range(4):
            x = self.layer(x + self.steps.weight[step])
            weight = weight + torch.sigmoid(self.halt(x))
        return self.norm(x) * weight


class RmsNorm(nn.Module):
    """Root-mean-square norm, spelled out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Rotary(nn.Module):
    """Cosines and sines of positions; a buffer and no parameters."""

    frequency: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequency", 1.0 / 100 ** (torch.arange(0, width, 2) / width), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        angle = torch.arange(x.shape[1])[:, None] * self.frequency
        angle = torch.cat([angle, angle], -1)
        return angle.cos(), angle.sin()


class FusedAttention(nn.Module):
    """Attention with one projection for query, key and value, and rotary positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.rotary = Rotary(width // heads)

    def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Turn (batch, heads, length, size) by its positions."""
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat([-second, first], -1) * sin

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        cos, sin = self.rotary(x)
        q, k = self.rotate(q, cos, sin), self.rotate(k, cos, sin)
        mixed = f.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, width))


class HandLayer(nn.Module):
    """A gated transformer layer with norms in front."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_a, self.attn = RmsNorm(width), FusedAttention(width, heads)
        self.norm_b = RmsNorm(width)
        self.gate, self.up, self.down = (nn.Linear(width, width, bias=False) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm_a(x))
        y = self.norm_b(x)
        return x + self.down(f.silu(self.gate(y)) * self.up(y))


class CausalText(nn.Module):
    """Gated layers in a ModuleList and a tied head: ids to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(50, 16)
        self.h = nn.ModuleList([HandLayer(16, 2), HandLayer(16, 2)])
        self.ln_f = RmsNorm(16)
        self.lm_head = nn.Linear(16, 50, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids)
        for layer in self.h:
            x = layer(x)
        return self.lm_head(self.ln_f(x))


class TorchTransformer(nn.Module):
    """torch's own encoder and decoder stacks."""

    def __init__(self) -> None:
        super().__init__()
        torch.backends.mha.set_fastpath_enabled(False)  # the fused operator has no ONNX form
        self.source, self.target = nn.Embedding(50, 16), nn.Embedding(50, 16)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 24, batch_first=True), 2, enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 24, batch_first=True), 2)
        self.generator = nn.Linear(16, 50)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.generator(self.decoder(self.target(target), self.encoder(self.source(source)))).log_softmax(-1)


class Residual(nn.Module):
    """Adds what the wrapped module says, behind a norm."""

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


class Recommender(nn.Module):
    """Embedding tables, a bottom and a top MLP, and pairwise products in between."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(20 + i, 8) for i in range(3)])
        self.bottom = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(14, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
        self.wide = nn.Linear(5, 1)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        rows = [self.bottom(dense)] + [table(sparse[:, i]) for i, table in enumerate(self.tables)]
        stack = torch.stack(rows, 1)
        products = (stack @ stack.transpose(1, 2)).flatten(1)
        chosen = products[:, torch.tensor([1, 2, 3, 6, 7, 11])]
        return self.top(torch.cat([rows[0], chosen], 1)) + self.wide(dense)


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


class Expert(nn.Module):
    """One expert of a mixture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(f.relu(self.w1(x)))


class Experts(nn.Module):
    """A soft mixture of the two best experts, all of which run."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.router, self.experts = nn.Linear(width, 4), nn.ModuleList([Expert(width) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        score, chosen = self.router(x).softmax(-1).topk(2, -1)
        weight = torch.zeros(x.shape[0], 4).scatter(-1, chosen, score)
        parts = [weight[:, i, None] * expert(x) for i, expert in enumerate(self.experts)]
        return torch.stack(parts).sum(0)


class MixtureOfExperts(nn.Module):
    """Two mixtures with norms between them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(10, 12)
        self.layers = nn.ModuleList([nn.ModuleDict({"norm": nn.LayerNorm(12), "moe": Experts(12)}) for _ in range(2)])
        self.out = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for layer in (cast("nn.ModuleDict", layer) for layer in self.layers):
            x = x + layer["moe"](layer["norm"](x))
        return self.out(x)


class Message(nn.Module):
    """One round of message passing over a dense adjacency."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edge, self.node = nn.Linear(2 * width, width), nn.GRUCell(width, width)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        count = x.shape[0]
        left, right = x[:, None].expand(count, count, -1), x[None].expand(count, count, -1)
        message = f.leaky_relu(self.edge.forward(torch.cat([left, right], -1)), 0.1)
        return self.node((message * adjacency[..., None]).sum(1), x)


class GraphNet(nn.Module):
    """Message passing with one round that is called twice and a submodule called by .forward."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.rounds = nn.Linear(5, 8), nn.ModuleList([Message(8), Message(8)])
        self.read = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        x = self.encode(nodes)
        for i in (0, 1, 0):
            x = self.rounds[i](x, adjacency)
        return self.read(x.mean(0, keepdim=True))


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


class Pyramid(nn.Module):
    """A feature pyramid whose heads are shared over the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict(
            {f"c{i}": nn.Sequential(nn.Conv2d(3 if i == 1 else 8, 8, 3, 2, 1), nn.ReLU()) for i in (1, 2, 3)}
        )
        self.lateral = nn.ModuleList([nn.Conv2d(8, 6, 1) for _ in range(3)])
        self.smooth = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1) for _ in range(3)])
        self.cls_head = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))
        self.box_head = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))

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
_IDS = tokens("ids")
_VECTOR = {"x": floats(3, 12)}
_TWO = tokens("source", "target")

SAMPLES: dict[str, Sample] = {
    "plain_unet": Sample(UNet, _IMAGE, dynamic(_IMAGE, "batch")),
    "plain_densenet": Sample(DenseNet, _IMAGE, dynamic(_IMAGE, "batch")),
    "plain_googlenet": Sample(GoogLeNet, _IMAGE),
    "plain_gated_cnn": Sample(GatedCnn, _IMAGE, dynamic(_IMAGE, "batch")),
    "plain_siamese": Sample(Siamese, {"left": floats(2, 3, 16, 16), "right": floats(2, 3, 16, 16) + 1}),
    "plain_multi_task": Sample(MultiTask, _VECTOR, dynamic(_VECTOR, "batch")),
    "plain_parameters": Sample(ParameterOddities, _VECTOR, dynamic(_VECTOR, "batch")),
    "plain_recurrent": Sample(Recurrent, _IDS),
    "plain_universal": Sample(Universal, _IDS, dynamic(_IDS, "batch")),
    "plain_causal_text": Sample(CausalText, _IDS, dynamic(_IDS, "batch", "length")),
    "plain_torch_transformer": Sample(TorchTransformer, _TWO, dynamic(_TWO, "batch")),
    "plain_mixer": Sample(Mixer, _IMAGE, dynamic(_IMAGE, "batch")),
    "plain_recommender": Sample(
        Recommender, {"dense": floats(3, 5), "sparse": torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])}
    ),
    "plain_generator": Sample(Generator, {"z": floats(2, 6)}),
    "plain_sound_tagger": Sample(SoundTagger, {"sound": floats(2, 800)}),
    "plain_experts": Sample(MixtureOfExperts, {"x": floats(3, 10)}),
    "plain_graph_net": Sample(GraphNet, {"nodes": floats(4, 5), "adjacency": (floats(4, 4) > 0).float()}),
    "plain_code_book": Sample(CodeBook, {"wave": floats(2, 2, 32)}),
    "plain_pyramid": Sample(Pyramid, {"image": floats(1, 3, 32, 32)}),
}
