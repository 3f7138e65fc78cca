"""The parameters of a module's `forward`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch

from ...errors import HpassError

Inputs = dict[str, Any]
"""The arguments of a forward call by parameter name."""


def forward_parameters(module: torch.nn.Module) -> dict[str, inspect.Parameter]:
    """Return the parameters of `forward` in order, without `*args` and `**kwargs`."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    signature = inspect.signature(module.forward)
    return {name: parameter for name, parameter in signature.parameters.items() if parameter.kind not in variadic}


def required_parameters(module: torch.nn.Module) -> list[str]:
    """Return the names of the parameters without a default."""
    return [
        name for name, parameter in forward_parameters(module).items() if parameter.default is inspect.Parameter.empty
    ]


def bind_inputs(module: torch.nn.Module, inputs: object) -> Inputs:
    """Return inputs (a tensor, a tuple or list of positional inputs, or a mapping) by the names of `forward`.

    Raises HpassError if they do not fit the signature of `forward`.
    """
    try:
        signature = inspect.signature(module.forward)
        if isinstance(inputs, Mapping):
            bound = signature.bind(**cast("Mapping[str, Any]", inputs))
        elif isinstance(inputs, tuple | list):
            bound = signature.bind(*cast("tuple[Any, ...]", inputs))
        else:
            bound = signature.bind(inputs)
    except TypeError as error:
        raise HpassError(
            f"the inputs do not fit {type(module).__name__}.forward ({error}); it takes {format_parameters(module)}"
        ) from error
    named: Inputs = {}
    for name, value in bound.arguments.items():
        match signature.parameters[name].kind:
            case inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            case inspect.Parameter.VAR_POSITIONAL:
                raise HpassError(f"{type(module).__name__}.forward takes *{name}; hpass needs named parameters")
            case _:
                named[name] = value
    return named


def format_parameters(module: torch.nn.Module) -> str:
    """Return the parameter names of `forward` as text."""
    return ", ".join(forward_parameters(module)) or "no named inputs"
