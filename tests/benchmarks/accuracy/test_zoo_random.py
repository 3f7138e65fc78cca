"""The random module trees of the accuracy benchmark."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.accuracy import zoo_random

pytestmark = pytest.mark.torch


def tree(name: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    sample = zoo_random.sample(name)
    torch.manual_seed(0)
    return sample.build().eval(), dict(sample.inputs)


@pytest.mark.parametrize("name", zoo_random.names()[:8])
def test_the_same_seed_gives_the_same_tree(name: str) -> None:
    (one, inputs), (other, _) = tree(name), tree(name)

    assert [path for path, _ in one.named_modules()] == [path for path, _ in other.named_modules()]
    assert torch.equal(one(**inputs), other(**inputs))


def test_trees_have_what_models_seldom_have() -> None:
    modules = [list(tree(name)[0].named_modules(remove_duplicate=False)) for name in zoo_random.names()[:40]]

    shared = [tree for tree in modules if len({id(module) for _, module in tree}) < len(tree)]
    assert len(shared) > len(modules) // 8
    bare = [m for tree in modules for _, m in tree if not list(m.children()) and not list(m.parameters())]
    assert len(bare) > sum(map(len, modules)) // 4


def test_half_of_the_trees_are_looked_at() -> None:
    assert sum(map(zoo_random.is_unseen, zoo_random.names())) == len(zoo_random.names()) // 2
