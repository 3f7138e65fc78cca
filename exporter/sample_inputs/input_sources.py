"""The inputs that a model is traced with: given ones, those of its factory, or generated ones."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch

from ...errors import HpassError
from ..load import LoadedModel
from .builder import InputBuilder
from .config_sizes import Sizes
from .input_sets import candidate_inputs
from .rules import unknown_inputs
from .signature import Inputs, format_parameters, forward_parameters, required_parameters
from .spec import InputSpec


def sample_inputs(loaded: LoadedModel, specs: Sequence[InputSpec] = ()) -> Iterator[Inputs]:
    """Yield sets of inputs by the names of `forward`, the likeliest first.

    `specs` of the command line take precedence over the factory's inputs. Only for transformers models are the other
    inputs generated; otherwise there is one set.

    Raises HpassError if `forward` does not take an input in `specs`, or if it requires an unknown input.
    """
    model = loaded.model
    given = _given_inputs(model, specs)
    if loaded.factory_inputs is not None or not hasattr(model, "main_input_name"):
        inputs = {**(loaded.factory_inputs or {}), **given}
        missing = [name for name in required_parameters(model) if name not in inputs]
        if missing:
            raise _missing_inputs_error(model, missing, "a factory can also return its inputs: a module and its inputs")
        yield inputs
        return
    builder = InputBuilder(model, Sizes(model.config, loaded.processor), given, loaded.tokens)
    unknown = unknown_inputs(builder)
    if unknown:
        raise _missing_inputs_error(model, unknown, "no rule knows it")
    for inputs in candidate_inputs(builder):
        if not inputs:
            raise HpassError(
                f"{type(model).__name__}: its inputs are unknown; give them with --input NAME=SHAPE:DTYPE "
                f"(it takes {format_parameters(model)}), or select a class that defines forward with --class"
            )
        yield inputs


def first_that_runs(model: torch.nn.Module, candidates: Iterable[Inputs]) -> Inputs:
    """Return the first set of inputs with which the model runs, without gradients.

    Raises HpassError, with the first failure and the names of the inputs to give, if it runs with none of them.
    """
    first: Inputs = {}
    failure: Exception | None = None
    for candidate in candidates:
        try:
            with torch.no_grad():
                model(**copy.deepcopy(candidate))
        except Exception as error:  # noqa: BLE001 (a wrong layout raises any type)
            first, failure = first or candidate, failure or error
        else:
            return candidate
    text = " ".join(str(failure).split())[:200]
    raise _missing_inputs_error(
        model, list(first), f"the model fails with the generated ones: {type(failure).__name__}: {text}"
    ) from failure


def _given_inputs(model: torch.nn.Module, specs: Sequence[InputSpec]) -> Inputs:
    names = forward_parameters(model)
    for spec in specs:
        if spec.name not in names:
            raise HpassError(
                f"--input {spec.name}: {type(model).__name__}.forward has no such input; "
                f"it takes {format_parameters(model)}"
            )
    return {spec.name: spec.tensor() for spec in specs}


def _missing_inputs_error(model: torch.nn.Module, names: Sequence[str], reason: str) -> HpassError:
    """Return an error that names the inputs to give, and the options to give them with."""
    options = " ".join(f"--input {name}=SHAPE:DTYPE" for name in names)
    return HpassError(
        f"{type(model).__name__} needs {', '.join(names)} ({reason}); "
        f"give {options}, as in --input {names[0]}=1x16:int64"
    )
