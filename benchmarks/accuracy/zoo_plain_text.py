"""Benchmark models that read token ids, as plain torch.nn modules."""

from __future__ import annotations

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, tokens


class Recurrent(nn.Module):
    """Embedding, GRU, bidirectional LSTM and attention pooling over short sequences."""

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


class RmsNorm(nn.Module):
    """Root-mean-square norm in elementary operations."""

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
        """Apply rotary positions to (batch, heads, length, size)."""
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


_IDS = tokens("ids")
_PAIR = tokens("source", "target")

SAMPLES: dict[str, Sample] = {
    "plain_recurrent": Sample(Recurrent, _IDS),
    "plain_causal_text": Sample(CausalText, _IDS, dynamic(_IDS, "batch", "length")),
    "plain_universal": Sample(Universal, _IDS, dynamic(_IDS, "batch")),
    "plain_torch_transformer": Sample(TorchTransformer, _PAIR, dynamic(_PAIR, "batch")),
    "plain_state_space": Sample(Sequence, tokens("ids", length=5)),
}
