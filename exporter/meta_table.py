"""The module table of a MODEL argument, built without weights, for files that were exported elsewhere."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.utils import _pytree as pytree

from ..errors import HpassError
from .call_recorder import record_calls
from .capture_output import captured_output
from .dynamo import contains_transformers_model, trace
from .export_options import Options
from .load import LoadedModel, load_on_meta
from .module_classes import build_module_table
from .sample_inputs.input_sources import sample_inputs


def module_table(
    model_spec: str, *, task: str | None = None, class_name: str | None = None, trust_remote_code: bool = False
) -> dict[str, Any]:
    """Return the module table of a MODEL argument in its JSON form.

    The model is built on the meta device; no weights are read or initialised. A run on the meta device shows which
    modules are called, and in which order. `called` is missing for modules that the run does not reach. Raises
    HpassError if the model cannot be built.
    """
    options = Options(task=task, class_name=class_name, trust_remote_code=trust_remote_code)
    with captured_output(verbose=False):
        loaded = load_on_meta(model_spec, options)
        calls = _called_modules(loaded)
    return build_module_table(loaded.model, calls, same_run=False)


def _called_modules(loaded: LoadedModel) -> list[str]:
    """Return the called modules of the run that called the most, in order of first call.

    A run on the meta device fails if the model reads a value. torch.export avoids most of these reads.
    """
    model = loaded.model
    most_calls: list[str] = []
    try:
        candidates = list(sample_inputs(loaded))
    except HpassError:  # the inputs are unknown, so no module is known to be called
        return most_calls
    device = next((parameter.device for parameter in model.parameters()), torch.device("meta"))
    for candidate in candidates:
        inputs = pytree.tree_map_only(torch.Tensor, lambda value: _moved(value, device), candidate)
        with torch.no_grad(), record_calls(model) as calls, contextlib.suppress(Exception):
            model(**inputs)
            return calls
        if contains_transformers_model(model):
            with record_calls(model) as calls, contextlib.suppress(Exception):
                trace(model, inputs)
                return calls
        most_calls = max(most_calls, calls, key=len)
    return most_calls


def _moved(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor on a device, filled with zeros if it is on the meta device and has no values to copy."""
    return torch.zeros_like(value, device=device) if value.is_meta else value.to(device)
