"""Random module trees: nested, shared, tied and repeated modules, and many that have no parameters.

Nobody chose these trees, and no weight is fitted on them. Rules may be looked for on trees of even seeds; of trees of
odd seeds, only the totals are looked at.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as f
from torch import Tensor, nn

from .sample import Sample, floats

_PREFIX = "random_"
_TREES = 200
_FRESH_OF_FOUR = 2
_WIDTH = 4
_DEPTH = 3
_NAMES = (
    "norm", "norm1", "norm_1", "layer", "layers", "0", "1", "fc", "fc1", "proj", "attn", "attention", "self", "output",
    "block", "blocks", "act", "dropout", "head", "a", "b", "conv", "in_proj", "encoder", "decoder", "dense", "mlp",
    "ffn", "lin", "lin_2", "final", "pool", "down", "up",
)  # fmt: skip
_SUFFIXES = ("_1", "_2", "2", "_0")

Step = Callable[[Tensor, Tensor], Tensor]
"""What a block does to a value: a function of the block's input and the value so far."""


class Scale(nn.Module):
    """Multiplies by a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(_WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Shift(nn.Module):
    """One operation, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1.5


class Wave(nn.Module):
    """Two operations, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x) * 2.0


class Centre(nn.Module):
    """A reduction and a difference, without parameters."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(-1, keepdim=True)


class Swap(nn.Module):
    """Auxiliary operations alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(-1, -2).reshape(x.shape[0], -1, _WIDTH)


class Block(nn.Module):
    """A module that takes steps one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    def forward(self, x: Tensor) -> Tensor:
        value = x
        for step in self.steps:
            value = step(x, value)
        return value


class Encoder(Block):
    """A block of another class."""


class Layer(Block):
    """A block of another class."""


class Stage(Block):
    """A block of another class."""


_BLOCKS = (Block, Encoder, Layer, Stage)
_LEAVES: tuple[Callable[[], nn.Module], ...] = (
    *(lambda: nn.Linear(_WIDTH, _WIDTH),) * 2,
    lambda: nn.Linear(_WIDTH, _WIDTH, bias=False),
    *(lambda: nn.LayerNorm(_WIDTH),) * 2,
    nn.ReLU,
    nn.GELU,
    nn.Dropout,
    nn.Identity,
    Scale,
    Shift,
    Wave,
    Centre,
    Swap,
)
_FUNCTIONS: tuple[Step, ...] = (
    lambda x, y: y + x,
    lambda _, y: y * 0.5,
    lambda _, y: f.relu(y),
    lambda _, y: y.reshape(y.shape[0], -1, _WIDTH),
    lambda _, y: y.softmax(-1),
    lambda _, y: y @ y.transpose(-1, -2) @ y,
)


class Builder:
    """Builds a tree of modules; the same seed gives the same tree."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311, no secrecy needed
        self._reusable: list[nn.Module] = []

    def tree(self) -> nn.Module:
        """Return the root, with two tied weights in some trees."""
        root = self._block(_DEPTH)
        linear = [module for module in root.modules() if isinstance(module, nn.Linear)]
        if len(linear) > 1 and self._happens(0.15):
            one, other = self._random.sample(linear, 2)
            one.weight = other.weight
        return root

    def _block(self, depth: int) -> Block:
        block = self._random.choice(_BLOCKS)()
        if self._happens(0.2):
            block.weight = nn.Parameter(torch.randn(_WIDTH, _WIDTH))
            block.steps.append(lambda _, y: y @ block.weight)
        for _ in range(self._random.randint(1, 4)):
            block.steps.extend(self._add_child(block, depth))
            if self._happens(0.15):
                block.steps.append(self._random.choice(block.steps))
            if self._happens(0.5):
                block.steps.append(self._random.choice(_FUNCTIONS))
            if self._happens(0.05):
                block.steps.extend(self._reuse_module(block))
            if self._happens(0.03):
                block.steps.extend(self._reuse_weight())
        self._reusable.extend(m for m in block.modules() if m not in (block, *self._reusable) and self._happens(0.3))
        return block

    def _add_child(self, block: Block, depth: int) -> list[Step]:
        """Give a block a child or a container of children, and return the steps that call them."""
        (kind,) = self._random.choices(("leaf", "block", "list", "sequential", "dict"), (41, 25, 12, 12, 6))
        if kind == "leaf":
            child = self._leaf()
        elif kind == "block":
            child = self._module(depth, leaves=0)
        elif kind == "list":
            leaves = self._random.choice((0, 1))
            child = nn.ModuleList(self._module(depth, leaves) for _ in range(self._random.randint(1, 3)))
        elif kind == "sequential":
            child = nn.Sequential(*(self._module(depth, leaves=0.7) for _ in range(self._random.randint(1, 3))))
        else:
            names = dict.fromkeys(self._name() for _ in range(2))
            child = nn.ModuleDict({name: self._leaf() for name in names if name not in dir(nn.ModuleDict)})
        block.add_module(self._free_name(block), child)
        if isinstance(child, nn.ModuleList):
            # The other modules of some lists are never called.
            return _calls(child if self._happens(0.8) else child[:1])
        return _calls(child.values() if isinstance(child, nn.ModuleDict) else [child])

    def _module(self, depth: int, leaves: float) -> nn.Module:
        """Return a leaf with the probability `leaves`, and at the lowest depth; otherwise a block."""
        return self._leaf() if depth <= 0 or self._happens(leaves) else self._block(depth - 1)

    def _leaf(self) -> nn.Module:
        return self._random.choice(_LEAVES)()

    def _reuse_module(self, block: Block) -> list[Step]:
        """Call a module of another block, of which it may become a child here as well."""
        if not self._reusable:
            return []
        module = self._random.choice(self._reusable)
        if isinstance(module, nn.ModuleList | nn.ModuleDict) or block in module.modules():
            return []
        if self._happens(0.5):
            block.add_module(self._free_name(block), module)
        return _calls([module])

    def _reuse_weight(self) -> list[Step]:
        """Read the weight of a module of another block, without a call of the module."""
        linear = [module for module in self._reusable if isinstance(module, nn.Linear)]
        if not linear:
            return []
        module = self._random.choice(linear)
        return [lambda _, y: f.linear(y, module.weight)]

    def _free_name(self, block: Block) -> str:
        while hasattr(block, name := self._name()):
            pass
        return name

    def _name(self) -> str:
        return self._random.choice(_NAMES) + (self._random.choice(_SUFFIXES) if self._happens(0.15) else "")

    def _happens(self, probability: float) -> bool:
        return self._random.random() < probability


def _calls(modules: Iterable[nn.Module]) -> list[Step]:
    return [lambda _, y, module=module: module(y) for module in modules]


def names() -> tuple[str, ...]:
    """Return the names of the trees; the number in a name is the seed."""
    return tuple(f"{_PREFIX}{seed}" for seed in range(_TREES))


def is_random(name: str) -> bool:
    """Whether a name belongs to a random tree."""
    return name.startswith(_PREFIX)


def is_unseen(name: str) -> bool:
    """Whether a tree is of the half that rules are scored on, and not found on: those of odd seeds."""
    return _seed(name) % 2 == 1


def sample(name: str) -> Sample:
    """Return the tree with a name. Half of the trees have parameters as they are initialised, many of them equal."""
    seed = _seed(name)
    return Sample(lambda: Builder(seed).tree(), {"x": floats(2, 3, _WIDTH)}, fresh=seed % 4 < _FRESH_OF_FOUR)


def _seed(name: str) -> int:
    return int(name.removeprefix(_PREFIX))
