"""Benchmark models that read vectors, table rows, graphs or points, as plain torch.nn modules."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats


class OddHead(nn.Module):
    """A head whose layers have numbers and unusual names."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"0": nn.Linear(width, width), "in-between": nn.Tanh(), "1": nn.Linear(width, out)})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers.values():
            x = layer(x)
        return x


class MultiTask(nn.Module):
    """A trunk and heads in nested ModuleDicts with unusual names."""

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
    """A module whose weights are in a ParameterList and a ParameterDict."""

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


class Align(nn.Module):
    """Predicts a square matrix that transforms the points."""

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


_VECTOR = {"x": floats(3, 12)}
_POINTS = {"points": floats(2, 3, 20)}

SAMPLES: dict[str, Sample] = {
    "plain_multi_task": Sample(MultiTask, _VECTOR, dynamic(_VECTOR, "batch")),
    "plain_parameters": Sample(ParameterOddities, _VECTOR, dynamic(_VECTOR, "batch")),
    "plain_experts": Sample(MixtureOfExperts, {"x": floats(3, 10)}),
    "plain_recommender": Sample(
        Recommender, {"dense": floats(3, 5), "sparse": torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])}
    ),
    "plain_graph_net": Sample(GraphNet, {"nodes": floats(4, 5), "adjacency": (floats(4, 4) > 0).float()}),
    "plain_pointnet": Sample(PointNet, _POINTS, dynamic(_POINTS, "batch")),
}
