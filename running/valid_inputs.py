"""Inputs with which a model runs. Only worker processes import this file, because it imports onnxruntime."""

# onnxruntime has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..graph.verify.runtime_worker import (
    AXIS_SIZES,
    INTEGER_RANGES,
    MAX_INPUT_ELEMENTS,
    SEED,
    InputTrial,
    is_open,
    make_value,
    one_line,
)
from .dimensions import size_of_expression

# One sample of 32 tokens, or one image: a size to measure at. The small sizes are tried if these do not run.
_SIZES = ((1, 32), (1, 3, 224), *AXIS_SIZES)
_INTEGERS = tuple(reversed(INTEGER_RANGES))


class NoValidInputsError(Exception):
    """No inputs were found with which the model runs; the text is the reason of the first failure."""


class InputRules(NamedTuple):
    """What is known of the inputs: sizes by dimension, limits of indices by input, and the seed of the numbers."""

    sizes: Mapping[str, int]
    limits: Mapping[str, int]
    seed: int = 0


def find_valid_inputs(session: Any, rules: InputRules) -> dict[str, Any]:
    """Return inputs by name with which the session runs. Raises NoValidInputsError."""
    reason = ""
    for trial in _trials(session, rules):
        try:
            inputs = _make_inputs(session, trial, rules)
            session.run(None, inputs)
        except Exception as error:  # noqa: BLE001 - onnxruntime raises many types; the next trial may succeed
            reason = reason or one_line(error)
        else:
            return inputs
    raise NoValidInputsError(reason)


def _trials(session: Any, rules: InputRules) -> Iterator[InputTrial]:
    inputs = session.get_inputs()
    open_shapes = any(is_open(dim) for value in inputs for dim in value.shape)
    for numbers, sizes in product(_INTEGERS, _SIZES if open_shapes else _SIZES[:1]):
        trial = InputTrial(sizes, numbers)
        elements = max(map(prod, _shapes(session, trial, rules)), default=0)
        if sizes is _SIZES[0] or elements <= MAX_INPUT_ELEMENTS:
            yield trial


def _make_inputs(session: Any, trial: InputTrial, rules: InputRules) -> dict[str, Any]:
    random = np.random.default_rng(SEED + rules.seed)
    inputs: dict[str, Any] = {}
    for value, shape in zip(session.get_inputs(), _shapes(session, trial, rules), strict=True):
        if value.type == "tensor(bool)":
            inputs[value.name] = np.ones(shape, bool)
        elif value.name in rules.limits:
            integers = (0, rules.limits[value.name])
            inputs[value.name] = make_value(value.type, shape, InputTrial(trial.sizes, integers), random)
        else:
            inputs[value.name] = make_value(value.type, shape, trial, random)
    return inputs


def _shapes(session: Any, trial: InputTrial, rules: InputRules) -> list[list[int]]:
    """Return the shape of each input. Dimensions of the same name agree, and so do sums of names with their parts."""
    sizes = dict(rules.sizes)
    declared = [value.shape for value in session.get_inputs()]
    for shape in declared:
        for axis, dim in enumerate(shape):
            if isinstance(dim, str) and size_of_expression(dim, sizes) is None and "+" not in dim:
                sizes.setdefault(dim, trial.sizes[min(axis, len(trial.sizes) - 1)])
    return [[_size(dim, axis, trial, sizes) for axis, dim in enumerate(shape)] for shape in declared]


def _size(dim: object, axis: int, trial: InputTrial, sizes: dict[str, int]) -> int:
    known = size_of_expression(dim, sizes) if isinstance(dim, str) else None
    if known is not None:
        return known
    return trial.sizes[min(axis, len(trial.sizes) - 1)] if not isinstance(dim, int) or dim < 0 else dim
