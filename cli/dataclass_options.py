"""Let the fields of a dataclass be the options of a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints


def with_dataclass_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace each dataclass parameter of a command by one parameter per field, for typer to read.

    Fields that are dataclasses are replaced in the same way. The command itself receives dataclass instances.
    """
    original = signature(command, eval_str=True)

    @wraps(command)
    def wrapper(**arguments: Any) -> Any:
        return command(**{name: _argument(item, arguments) for name, item in original.parameters.items()})

    expanded = [option for item in original.parameters.values() for option in _options(item)]
    vars(wrapper)["__signature__"] = original.replace(parameters=expanded)
    return wrapper


def _options(parameter: Parameter) -> Iterator[Parameter]:
    """Yield the parameters that replace one parameter of a command."""
    if _is_group(parameter):
        for field in _field_parameters(parameter.annotation):
            yield from _options(field)
    else:
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)


def _argument(parameter: Parameter, arguments: dict[str, Any]) -> Any:
    """Return the value of one parameter of a command."""
    if not _is_group(parameter):
        return arguments[parameter.name]
    values = {field.name: _argument(field, arguments) for field in _field_parameters(parameter.annotation)}
    return parameter.annotation(**values)


def _is_group(parameter: Parameter) -> bool:
    return is_dataclass(parameter.annotation)


def _field_parameters(group: Any) -> Iterator[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name])
