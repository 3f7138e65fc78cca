from __future__ import annotations

import pytest

from hpass.tags.module import Module
from hpass.tags.module_table import ModuleTable
from hpass.tags.prefix_alignment import Prefixes, find_prefixes

BARE = ["", "embeddings", "encoder", "encoder.layer.0", "encoder.layer.0.output", "encoder.layer.1", "pooler"]
WITH_HEAD = ["", "bert", *(f"bert.{scope}" for scope in BARE[1:]), "classifier"]


@pytest.mark.parametrize(
    ("scopes", "names", "prefixes"),
    [
        (BARE, BARE[1:], Prefixes()),
        (WITH_HEAD, BARE[1:], Prefixes(strip="bert")),
        (BARE, WITH_HEAD[1:], Prefixes(prepend="bert")),
        (WITH_HEAD, [f"model.{scope}" for scope in BARE[1:]], Prefixes(strip="bert", prepend="model")),
        (WITH_HEAD, [f"net.model.{scope}" for scope in BARE[1:]], Prefixes(strip="bert", prepend="net.model")),
        # Half of the file's names there are of another model.
        (WITH_HEAD, ["model.pooler", "model.stem", "model.stem.conv", "model.head"], Prefixes()),
        (["", "conv1"], ["stem.body.0"], Prefixes()),
        (BARE, [], Prefixes()),
    ],
)
def test_prefixes_are_found_by_the_names(scopes: list[str], names: list[str], prefixes: Prefixes) -> None:
    assert find_prefixes(scopes, names) == prefixes


TWINS = ["", "encoder", "encoder.layers.0.fc", "decoder", "decoder.layers.0.fc", "decoder.layers.0.cross"]


def test_of_two_equal_ways_none_is_taken() -> None:
    assert find_prefixes(TWINS, ["layers.0.fc"]) == Prefixes()


def test_a_name_that_only_one_has_decides() -> None:
    assert find_prefixes(TWINS, ["layers.0.fc", "layers.0.cross"]) == Prefixes(strip="decoder")


def test_a_table_is_moved_from_one_prefix_to_another() -> None:
    modules = {scope: Module(f"Class{index}") for index, scope in enumerate(WITH_HEAD)}
    modules["bert.pooler"] = Module("Pooler", aliases=("bert.last", "classifier.last"))
    moved = ModuleTable(modules).aligned([f"model.{scope}" for scope in BARE[1:]])
    assert set(moved) == {"", "model", *(f"model.{scope}" for scope in BARE[1:])}
    assert moved["model"].class_name == "Class1"
    assert moved["model.pooler"] == Module("Pooler", aliases=("model.last",))
