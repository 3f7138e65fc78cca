"""The search for inputs that a model runs with: complete sets of them, the likeliest first."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

import torch

from . import selection
from .beside_text import BESIDE_TEXT
from .builder import Candidates, InputBuilder
from .dependent import with_dependents
from .rules import alternatives, unusual

_Set = dict[str, torch.Tensor]


def candidate_inputs(maker: InputBuilder) -> Iterator[_Set]:
    """Yield complete sets of inputs to try, the likeliest first, on the device of the model."""
    device = next((parameter.device for parameter in maker.model.parameters()), torch.device("cpu"))
    # Sets of the same tensors are one attempt.
    different = {tuple((name, id(value)) for name, value in sorted(made.items())): made for made in _sets(maker)}
    for made in different.values():
        yield with_dependents(maker, {name: value.to(device) for name, value in {**made, **maker.given}.items()})


def _sets(maker: InputBuilder) -> list[_Set]:
    """Return the sets in the order they are tried.

    First text with one other modality, as far as the model has them; then everything at once, then the first with
    one input in another layout, each of these with what is seldom needed too; the same with what only the
    documentation of the model tells; two inputs in another layout; and at last the main input and what has no default,
    with and without what goes with a text.
    """
    model = maker.model
    seldom, usual = selection.optional_inputs(model), selection.default_inputs(model)
    further = [name for name in unusual(model) if name not in usual]
    choices = {name: made for name in [*usual, *further] if (made := alternatives(maker, name))}
    everything = {name: made[0] for name, made in choices.items()}
    most = _only(everything, everything.keys() - seldom.union(further))
    first = _only(most, most.keys() - selection.deferred_inputs(model))
    rare, told = _only(everything, seldom), _only(everything, further)
    layouts = _other_layouts(first, choices)
    sets = [first, most, *(first | layout for layout in layouts)]
    sets += [base | rare for base in sets] if rare else []
    sets += [first | rare | layout for layout in _other_layouts(rare, choices)]
    for base in (first, first | rare):
        sets += [base | told, *(base | told | layout for layout in _other_layouts(told, choices))]
    sets += [first | one | other for one, other in itertools.combinations(layouts, 2) if one.keys() != other.keys()]
    least = selection.required_inputs(model)
    beside = {name for name, (source, _) in BESIDE_TEXT.items() if source in least}
    sets += [kept for names in (least | beside, least) if (kept := _only(first, names))]
    return sets


def _only(inputs: _Set, names: Collection[str]) -> _Set:
    return {name: value for name, value in inputs.items() if name in names}


def _other_layouts(inputs: _Set, choices: Mapping[str, Candidates]) -> list[_Set]:
    """Return every other layout of every input, each alone."""
    return [{name: other} for name in inputs for other in choices[name][1:]]
