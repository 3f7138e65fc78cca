"""Mutants: one for each seed number and index, always the same for the same seeds and the same hpass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import onnx

from hpass.errors import HpassError
from hpass.graph.files.model_file import parse

from .byte_mutations import mutate_bytes
from .function_mutations import mutate_functions
from .generated_models import generate
from .graph_mutations import mutate_graph
from .metadata_mutations import mutate_metadata
from .name_mutations import mutate_names
from .seeds import tagged
from .wire_mutations import mutate_fields, mutate_strings

_MessageMutation = Callable[[Random, onnx.ModelProto], None]
_MESSAGE_MUTATIONS: tuple[_MessageMutation, ...] = (mutate_metadata, mutate_names, mutate_graph, mutate_functions)


class Mutant(NamedTuple):
    """A mutated file, and the class of its mutations."""

    kind: str
    data: bytes


def make_mutant(seed: int, index: int, seeds: Sequence[bytes]) -> Mutant:
    """Return the mutant of an index."""
    random = Random(f"{seed}:{index}")
    kind = random.choice(list(KINDS))
    return Mutant(kind, KINDS[kind](random, seeds))


def _bytes(random: Random, seeds: Sequence[bytes]) -> bytes:
    return mutate_bytes(random, random.choice(seeds), random.choice(seeds))


def _fields(random: Random, seeds: Sequence[bytes]) -> bytes:
    return mutate_fields(random, random.choice(seeds))


def _strings(random: Random, seeds: Sequence[bytes]) -> bytes:
    return mutate_strings(random, random.choice(seeds))


def _message(mutation: _MessageMutation) -> Callable[[Random, Sequence[bytes]], bytes]:
    def mutate(random: Random, seeds: Sequence[bytes]) -> bytes:
        return _changed(random, random.choice(seeds), [mutation])

    return mutate


def _mixed(random: Random, seeds: Sequence[bytes]) -> bytes:
    data = _changed(random, random.choice(seeds), random.choices(_MESSAGE_MUTATIONS, k=random.randint(2, 4)))
    return random.choice((_same, mutate_strings, mutate_fields))(random, data)


def _generated(random: Random, _seeds: Sequence[bytes]) -> bytes:
    return generate(random).SerializeToString()


def _tagged(random: Random, seeds: Sequence[bytes]) -> bytes:
    data = tagged(random.choice(seeds))
    data = _changed(random, data, random.choices(_MESSAGE_MUTATIONS, k=random.randint(0, 2)))
    return random.choice((_same, mutate_strings, mutate_fields))(random, data)


def _same(_random: Random, data: bytes) -> bytes:
    return data


def _changed(random: Random, data: bytes, mutations: Sequence[_MessageMutation]) -> bytes:
    """Return a serialised model after mutations of its message; `data` itself if it is no model."""
    try:
        model = parse(data, "a seed")
    except HpassError:
        return data
    for mutation in mutations:
        mutation(random, model)
    return model.SerializeToString()


KINDS: dict[str, Callable[[Random, Sequence[bytes]], bytes]] = {
    "bytes": _bytes,
    "wire fields": _fields,
    "strings": _strings,
    "metadata": _message(mutate_metadata),
    "names": _message(mutate_names),
    "graphs": _message(mutate_graph),
    "functions": _message(mutate_functions),
    "several of these": _mixed,
    "generated": _generated,
    "tagged, then changed": _tagged,
}
"""The classes of mutants, and how one is made."""
