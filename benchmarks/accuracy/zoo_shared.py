"""Models that call modules more than once: shared layers, towers, recurrences, heads and activations."""

from __future__ import annotations

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, dynamic, floats, huggingface, tokens

_WIDTH = 16


class Feed(nn.Module):
    """Norm, two linear layers with an activation, and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, 24), nn.Linear(24, _WIDTH)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(self.act(self.up(self.norm(x))))


class Attention(nn.Module):
    """Attention of one sequence over another."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(_WIDTH, _WIDTH) for _ in range(4))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        scores = self.query(x) @ self.key(y).transpose(-1, -2) / _WIDTH**0.5
        return self.out(scores.softmax(-1) @ self.value(y))


class Layer(nn.Module):
    """A layer of a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention, self.feed = nn.LayerNorm(_WIDTH), Attention(), Feed()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return self.feed(x + self.attention(y, y))


class Loop(nn.Module):
    """One layer, called six times in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = Layer()

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(6):
            x = self.layer(x)
        return x


class Cycle(nn.Module):
    """Two layers in turn, three times, and a norm after each."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.norm = nn.ModuleList([Layer(), Feed()]), nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            for layer in self.layers:
                x = self.norm(layer(x))
        return x


class Nested(nn.Module):
    """Two levels of recurrence: a block that is called three times calls its layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = TwiceEach(), nn.Linear(_WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros_like(x)
        for _ in range(3):
            state = self.block(x + state)
        return self.head(state)


class TwiceEach(nn.Module):
    """A layer called twice, with an operation of its own between and after."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.gate = Feed(), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x * 0.5)
        return self.layer(y * self.gate(x)) - x


class InnerLoop(nn.Module):
    """A module that is called once and loops over its children, with operations of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = Steps(), nn.Linear(_WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.body(x.abs()))


class Steps(nn.Module):
    """Three steps of a layer and a norm, each with a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = Feed(), nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + self.norm(self.layer(x))
        return x


class TwoTowers(nn.Module):
    """One encoder for two inputs, and a head for each."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Layer(), nn.ReLU(), Layer())
        self.left, self.right = nn.Linear(_WIDTH, 4), nn.Linear(_WIDTH, 4)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return (self.left(self.encoder(left)) * self.right(self.encoder(right))).sum(-1)


class Triplet(nn.Module):
    """One encoder of convolutions for three images."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten())

    def forward(self, anchor: Tensor, same: Tensor, other: Tensor) -> Tensor:
        one, two, three = self.net(anchor), self.net(same), self.net(other)
        return (one - two).pow(2).sum(-1) - (one - three).pow(2).sum(-1)


class Mutual(nn.Module):
    """Two sequences attend to each other by the same attention."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.feed = Attention(), Feed()

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(2):
            left, right = left + self.attention(left, right), right + self.attention(right, left)
        return self.feed(left), self.feed(right)


class Cells(nn.Module):
    """A recurrent cell, called once for each step."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell, self.out = cell, nn.Linear(_WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(x.shape[0], _WIDTH)
        outputs: list[Tensor] = []
        for step in range(5):
            state = self.cell(x[:, step], state)
            outputs.append(self.out(state))
        return torch.stack(outputs, 1)


class HandCell(nn.Module):
    """A gated recurrent cell of linear layers that share their activation."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.update = nn.Linear(2 * _WIDTH, _WIDTH), nn.Linear(2 * _WIDTH, _WIDTH)
        self.act = nn.Tanh()

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        both = torch.cat([x, state], -1)
        gate = self.gate(both).sigmoid()
        return gate * self.act(state) + (1 - gate) * self.act(self.update(both))


class Residual(nn.Module):
    """Convolutions with one activation for all, as in a ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(x + y)


class ResNet(nn.Module):
    """Residual blocks, each with an activation that it calls twice; pooling between them is one module."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pool = nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2)
        self.blocks, self.head = nn.ModuleList([Residual() for _ in range(3)]), nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        for block in self.blocks:
            x = self.pool(block(x))
        return self.head(x.mean((2, 3)))


class SharedActivation(nn.Module):
    """Every layer holds the same activation and the same norm under its own name."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.norm = nn.SiLU(), nn.LayerNorm(_WIDTH)
        self.layers = nn.ModuleList(
            [nn.ModuleDict({"linear": nn.Linear(_WIDTH, _WIDTH), "act": self.act}) for _ in range(4)]
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.norm(x + layer["act"](layer["linear"](x)))
        return x


class Refine(nn.Module):
    """Estimates a field, and refines it four times by the same update block, as optical flow does."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.update = nn.Sequential(nn.Conv2d(18, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        one, two = self.features(left), self.features(right)
        field = torch.zeros_like(one[:, :2])
        for _ in range(4):
            field = field + self.update(torch.cat([one, two * field.mean(), field], 1))
        return field


class Autoencoder(nn.Module):
    """A coder that is called on the input and on its own reconstruction."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(_WIDTH, 8), nn.Tanh(), nn.Linear(8, 4))
        self.decode = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, _WIDTH))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encode(x)
        again = self.decode(code)
        return again, self.encode(again) - code


class Ponder(nn.Module):
    """A step that is repeated, with the weight of each step from a shared head."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.halt, self.embed = (
            Feed(),
            nn.Sequential(nn.Linear(_WIDTH, 1), nn.Sigmoid()),
            nn.Embedding(5, _WIDTH),
        )

    def forward(self, ids: Tensor, marks: Tensor) -> Tensor:
        x = self.embed(ids) + self.embed(marks)
        total, left = torch.zeros_like(x), torch.ones_like(x[..., :1])
        for _ in range(3):
            x = self.step(x)
            share = self.halt(x) * left
            total, left = total + share * x, left - share
        return total + left * x


class Heads(nn.Module):
    """One head for every level of a pyramid of features, and scales of each level."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList([nn.Conv2d(3 if level == 0 else 8, 8, 3, 2, 1) for level in range(3)])
        self.tower = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU())
        self.classes, self.boxes = nn.Conv2d(8, 3, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        classes, boxes = [], []
        for level in self.levels:
            image = level(image).relu()
            features = self.tower(image)
            classes.append(self.classes(features).flatten(2))
            boxes.append(self.boxes(features).flatten(2).exp())
        return torch.cat(classes, -1), torch.cat(boxes, -1)


class Fields(nn.Module):
    """Embeds several columns by one table, and mixes pairs of them by one network."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.mix, self.score = nn.Embedding(50, _WIDTH), Feed(), nn.Linear(_WIDTH, 1)

    def forward(self, user: Tensor, item: Tensor, shop: Tensor) -> Tensor:
        rows = [self.table(column) for column in (user, item, shop)]
        pairs = [(0, 1), (0, 2), (1, 2)]
        return torch.cat([self.score(self.mix(rows[a] * rows[b])) for a, b in pairs], -1).mean((1, 2))


class PairOfTexts(nn.Module):
    """A transformers encoder that reads two texts."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, question: Tensor, answer: Tensor) -> Tensor:
        one, two = (self.encoder(input_ids=ids)[0][:, 0] for ids in (question, answer))
        return f.cosine_similarity(one, two)


def _pair(model: str, **options: object) -> Sample:
    texts = tokens("question", "answer")
    return Sample(lambda: PairOfTexts(huggingface(model, {}, **options).build()), texts)


_X = {"x": floats(2, 5, _WIDTH)}
_TWO = {"left": floats(2, 5, _WIDTH), "right": floats(2, 5, _WIDTH) + 1}
_IMAGE = {"image": floats(1, 3, 16, 16)}
_TWO_IMAGES = {"left": floats(1, 3, 8, 8), "right": floats(1, 3, 8, 8) + 1}
_TEXT = tokens("input_ids", "attention_mask")
_SMALL: dict[str, object] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 50,
}
_ALBERT: dict[str, object] = {**_SMALL, "embedding_size": 16}

SAMPLES: dict[str, Sample] = {
    "shared_albert_groups": huggingface(
        "AlbertModel",
        _TEXT,
        dynamic(_TEXT, "batch", "length"),
        **{**_ALBERT, "num_hidden_layers": 6},
        num_hidden_groups=2,
    ),
    "shared_albert_inner": huggingface("AlbertModel", _TEXT, **{**_ALBERT, "num_hidden_layers": 3}, inner_group_num=2),
    "shared_bert_pair": _pair("BertModel", **_SMALL),
    "shared_distilbert_pair": _pair("DistilBertModel", vocab_size=50, dim=32, hidden_dim=48, n_layers=2, n_heads=4),
    "shared_albert_pair": _pair("AlbertModel", **_ALBERT),
    "shared_loop": Sample(Loop, _X, dynamic(_X, "batch", "length")),
    "shared_cycle": Sample(Cycle, _X),
    "shared_nested": Sample(Nested, _X),
    "shared_inner_loop": Sample(InnerLoop, _X),
    "shared_two_towers": Sample(TwoTowers, _TWO),
    "shared_triplet": Sample(
        Triplet, {"anchor": floats(1, 3, 8, 8), "same": floats(1, 3, 8, 8) + 1, "other": floats(1, 3, 8, 8) - 1}
    ),
    "shared_mutual": Sample(Mutual, _TWO),
    "shared_gru_cell": Sample(lambda: Cells(nn.GRUCell(_WIDTH, _WIDTH)), _X),
    "shared_hand_cell": Sample(lambda: Cells(HandCell()), _X),
    "shared_resnet": Sample(ResNet, _IMAGE),
    "shared_shared_activation": Sample(SharedActivation, _X),
    "shared_refine": Sample(Refine, _TWO_IMAGES),
    "shared_autoencoder": Sample(Autoencoder, {"x": floats(3, _WIDTH)}),
    "shared_ponder": Sample(Ponder, {"ids": torch.tensor([[1, 2, 3]]), "marks": torch.tensor([[0, 0, 1]])}),
    "shared_heads": Sample(Heads, _IMAGE),
    "shared_fields": Sample(Fields, tokens("user", "item", "shop", length=1)),
}
