"""The module table of a reference, without weights: for files that were exported elsewhere."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.utils import _pytree as pytree

from ..errors import HpassError
from .call_recorder import record_calls
from .capture_output import captured_output
from .dynamo import is_of_transformers, trace
from .export_options import Options
from .load import Loaded, load_on_meta
from .module_classes import build_module_table
from .sample_inputs.sample import sample_inputs


def module_table(
    reference: str, *, task: str | None = None, class_name: str | None = None, trust_remote_code: bool = False
) -> dict[str, Any]:
    """Return the module table (JSON form) of what a MODEL argument names, built on the meta device.

    No weights are read or made. Which modules are called, and in which order, comes from a run on the meta
    device; what such a run does not reach is left open. Raises HpassError where the reference cannot be built.
    """
    options = Options(task=task, class_name=class_name, trust_remote_code=trust_remote_code)
    with captured_output(verbose=False):
        loaded = load_on_meta(reference, options)
        calls = _calls(loaded)
    return build_module_table(loaded.model, calls, same_run=False)


def _calls(loaded: Loaded) -> list[str]:
    """Return the called modules of the run that came furthest.

    A run on the meta device stops where the model looks at a value; torch.export knows ways around most of these.
    """
    model = loaded.model
    furthest: list[str] = []
    try:
        candidates = list(sample_inputs(loaded))
    except HpassError:  # nobody knows the inputs: the modules alone are told
        return furthest
    device = next((parameter.device for parameter in model.parameters()), torch.device("meta"))
    for candidate in candidates:
        inputs = pytree.tree_map_only(torch.Tensor, lambda value: _moved(value, device), candidate)
        with torch.no_grad(), record_calls(model) as calls, contextlib.suppress(Exception):
            model(**inputs)
            return calls
        if is_of_transformers(model):
            with record_calls(model) as calls, contextlib.suppress(Exception):
                trace(model, inputs)
                return calls
        furthest = max(furthest, calls, key=len)
    return furthest


def _moved(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor on a device, filled with zeros if it is on the meta device and has no values to copy."""
    return torch.zeros_like(value, device=device) if value.is_meta else value.to(device)
