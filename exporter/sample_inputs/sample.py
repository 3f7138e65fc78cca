"""The inputs a model is traced with: given ones first, made-up ones for the rest."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch

from ...errors import HpassError
from ..load import Loaded
from .builder import InputBuilder
from .candidates import candidate_inputs
from .config_sizes import Sizes
from .rules import unknown
from .signature import Inputs, listed, parameters, required
from .spec import InputSpec


def sample_inputs(loaded: Loaded, specs: Sequence[InputSpec] = ()) -> Iterator[Inputs]:
    """Yield inputs by the names of `forward`, the likeliest first; where nothing is made up there is one set.

    The command line's win over the factory's; only a transformers model says enough of itself to make the others
    up. Raises HpassError for a given name that `forward` does not take, or one that it needs and nobody knows.
    """
    model = loaded.model
    given = _given(model, specs)
    if loaded.factory_inputs is not None or not hasattr(model, "main_input_name"):
        inputs = {**(loaded.factory_inputs or {}), **given}
        missing = [name for name in required(model) if name not in inputs]
        if missing:
            raise _asked(model, missing, "a factory may return its inputs too: a module and its inputs")
        yield inputs
        return
    maker = InputBuilder(model, Sizes(model.config, loaded.processor), given, loaded.text)
    lacking = unknown(maker)
    if lacking:
        raise _asked(model, lacking, "no rule knows it")
    for inputs in candidate_inputs(maker):
        if not inputs:
            raise HpassError(
                f"{type(model).__name__}: nothing is known of its inputs; give them with --input NAME=SHAPE:DTYPE "
                f"(it takes {listed(model)}), or name a class with a forward of its own by --class"
            )
        yield inputs


def first_that_runs(model: torch.nn.Module, candidates: Iterable[Inputs]) -> Inputs:
    """Return the first inputs that the model itself runs with, without gradients.

    Raises HpassError, with the first failure and the inputs to give, where it runs with none.
    """
    first: Inputs = {}
    failure: Exception | None = None
    for candidate in candidates:
        try:
            with torch.no_grad():
                model(**copy.deepcopy(candidate))
        except Exception as error:  # noqa: BLE001 (a layout that does not fit fails in any way it likes)
            first, failure = first or candidate, failure or error
        else:
            return candidate
    text = " ".join(str(failure).split())[:200]
    raise _asked(model, list(first), f"with those tried it fails: {type(failure).__name__}: {text}") from failure


def _given(model: torch.nn.Module, specs: Sequence[InputSpec]) -> Inputs:
    names = parameters(model)
    for spec in specs:
        if spec.name not in names:
            raise HpassError(
                f"--input {spec.name}: {type(model).__name__}.forward has no such input; it takes {listed(model)}"
            )
    return {spec.name: spec.tensor() for spec in specs}


def _asked(model: torch.nn.Module, names: Sequence[str], why: str) -> HpassError:
    """Return the error that says which inputs to give, and how."""
    options = " ".join(f"--input {name}=SHAPE:DTYPE" for name in names)
    return HpassError(
        f"{type(model).__name__} needs {', '.join(names)} ({why}); give {options}, as in --input {names[0]}=1x16:int64"
    )
