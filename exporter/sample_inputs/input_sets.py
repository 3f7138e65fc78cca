"""Complete sets of inputs to try with a model, the likeliest first."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

import torch

from . import selection
from .builder import CandidateTensors, InputBuilder
from .dependent import TEXT_DEPENDENTS, with_dependents
from .rules import additional_inputs, candidate_tensors

_InputSet = dict[str, torch.Tensor]


def candidate_inputs(builder: InputBuilder) -> Iterator[_InputSet]:
    """Yield complete sets of inputs, the likeliest first, on the device of the model. No set is yielded twice."""
    device = next((parameter.device for parameter in builder.model.parameters()), torch.device("cpu"))
    # Sets of the same tensor objects are equal.
    distinct = {tuple((name, id(value)) for name, value in sorted(made.items())): made for made in _input_sets(builder)}
    for inputs in distinct.values():
        yield with_dependents(builder, {name: value.to(device) for name, value in {**inputs, **builder.given}.items()})


def _input_sets(builder: InputBuilder) -> list[_InputSet]:
    """Return the sets of inputs in the order in which they are tried.

    1. Text with one other modality, as far as the model has them; all modalities; the first set with one input in
       another layout. Then each of these with the optional inputs.
    2. The first set with the additional inputs, which only their names or the documentation describe.
    3. The first set with two inputs in another layout.
    4. The required inputs alone, with and without the inputs that depend on the text.
    """
    model = builder.model
    optional, default = selection.optional_inputs(model), selection.default_inputs(model)
    additional = [name for name in additional_inputs(model) if name not in default]
    candidates = {name: made for name in [*default, *additional] if (made := candidate_tensors(builder, name))}
    all_inputs = {name: made[0] for name, made in candidates.items()}
    all_modalities = _select(all_inputs, all_inputs.keys() - optional.union(additional))
    first = _select(all_modalities, all_modalities.keys() - selection.deferred_inputs(model))
    optional_set, additional_set = _select(all_inputs, optional), _select(all_inputs, additional)
    layouts = _other_layouts(first, candidates)
    sets = [first, all_modalities, *(first | layout for layout in layouts)]
    sets += [base | optional_set for base in sets] if optional_set else []
    sets += [first | optional_set | layout for layout in _other_layouts(optional_set, candidates)]
    for base in (first, first | optional_set):
        sets += [
            base | additional_set,
            *(base | additional_set | layout for layout in _other_layouts(additional_set, candidates)),
        ]
    sets += [first | one | other for one, other in itertools.combinations(layouts, 2) if one.keys() != other.keys()]
    required = selection.required_inputs(model)
    text_dependents = {name for name, (source, _) in TEXT_DEPENDENTS.items() if source in required}
    sets += [kept for names in (required | text_dependents, required) if (kept := _select(first, names))]
    return sets


def _select(inputs: _InputSet, names: Collection[str]) -> _InputSet:
    return {name: value for name, value in inputs.items() if name in names}


def _other_layouts(inputs: _InputSet, candidates: Mapping[str, CandidateTensors]) -> list[_InputSet]:
    """Return one set per further candidate of each input, with that input only."""
    return [{name: other} for name in inputs for other in candidates[name][1:]]
