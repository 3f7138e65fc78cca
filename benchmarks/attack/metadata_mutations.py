"""Mutations of metadata: keys and values of the model and of nodes, those of hpass and module tables among them."""

from __future__ import annotations

from random import Random
from typing import Any

import onnx

from hpass.graph.walk import all_nodes

from . import hostile_text


def mutate_metadata(random: Random, model: onnx.ModelProto) -> None:
    """Change one to eight metadata entries in place."""
    holders: list[Any] = [model, model.graph, *model.functions, *all_nodes(model)]
    for _ in range(random.randint(1, 8)):
        # The model as often as all others: it has the tables.
        holder = random.choice((model, random.choice(holders)))
        random.choice((_add, _add, _add_table, _change, _change, _remove, _repeat))(random, holder.metadata_props)


def _add(random: Random, entries: Any) -> None:
    key = random.choice((random.choice(hostile_text.KEYS), random.choice(hostile_text.KEYS), hostile_text.name(random)))
    entries.add(key=key, value=hostile_text.value(random))


def _add_table(random: Random, entries: Any) -> None:
    entries.add(key=random.choice(("module_table", "hpass.modules")), value=hostile_text.table(random))
    if random.random() < 0.5:
        entries.add(key="hpass.version", value="1")


def _change(random: Random, entries: Any) -> None:
    if entries:
        entry = random.choice(entries)
        if random.random() < 0.7:
            entry.value = hostile_text.value(random)
        else:
            entry.key = random.choice(hostile_text.KEYS)


def _remove(random: Random, entries: Any) -> None:
    if entries:
        del entries[random.randrange(len(entries))]


def _repeat(random: Random, entries: Any) -> None:
    if entries:
        entries.add().CopyFrom(random.choice(entries))
