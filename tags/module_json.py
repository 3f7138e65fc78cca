"""The JSON form of a module of the module table. docs/tag-format.md describes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeGuard, cast

from ..errors import HpassError, quoted
from .module import Module
from .scope import is_encodable, is_scope, scope_problem

# Classes of PyTorch whose modules never run: the containers have no `forward`, and the last one only holds parameters.
_NEVER_CALLED = frozenset(
    {"ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "NonDynamicallyQuantizableLinear"}
)


_TORCH_PACKAGE = "torch.nn."


# The maximum nesting of an entry. Readers have different limits, so a deeper one may not be readable after writing.
_MAX_NESTING = 32


def module_to_json(module: Module) -> dict[str, Any]:
    """Return the JSON object of a module."""
    entry: dict[str, Any] = {} if module.class_name is None else {"class": module.class_name}
    if module.called is not None:
        entry["called"] = module.called
    if module.aliases:
        entry["aliases"] = list(module.aliases)
    return entry | dict(module.extra)


def module_from_json(scope: str, entry: object, origin: str) -> Module:
    """Return the module of a JSON value. Raises HpassError, which names `origin`, if it is none."""
    name = quoted(scope)
    problem = scope_problem(scope)
    if problem is not None:
        raise HpassError(f"{origin}: {name} is not the name of a module; {problem}")
    if not _is_json_text(entry):
        raise HpassError(f"{origin}: the entry of {name} is not JSON text in UTF-8 (a surrogate, NaN, deep nesting)")
    if entry is None or isinstance(entry, str):
        return Module(entry or None, _called_if_unknown(entry))
    if not isinstance(entry, dict):
        raise HpassError(f"{origin}: the entry of {name} is {json_type(entry)}, not a class name or an object")
    known = dict(cast("dict[str, Any]", entry))
    if type(known.get("order", 0)) is not int:
        raise HpassError(f"{origin}: 'order' of {name} is {json_type(known['order'])}, not an integer")
    if not _is_list_of_strings(known.get("parameters", [])):
        raise HpassError(f"{origin}: 'parameters' of {name} is not a list of names")
    class_name, called, aliases = known.pop("class", None), known.pop("called", None), known.pop("aliases", [])
    if class_name is not None and not isinstance(class_name, str):
        raise HpassError(f"{origin}: the class of {name} is {json_type(class_name)}, not a string")
    if called is not None and not isinstance(called, bool):
        raise HpassError(f"{origin}: 'called' of {name} is {json_type(called)}, not true or false")
    if not _is_list_of_strings(aliases) or not all(map(is_scope, aliases)):
        raise HpassError(f"{origin}: 'aliases' of {name} is not a list of names")
    called = _called_if_unknown(class_name) if called is None else called
    return Module(class_name or None, called, tuple(aliases), known)


def _called_if_unknown(class_name: str | None) -> bool | None:
    """Return what a class tells of whether its modules run; None if that is nothing. The name may be bare."""
    package, _, bare = (class_name or "").rpartition(".")
    return False if bare in _NEVER_CALLED and f"{package}.".startswith((_TORCH_PACKAGE, ".")) else None


def _is_list_of_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value))


def _is_json_text(value: object) -> bool:
    """Whether a value can be written as JSON in UTF-8 with at most _MAX_NESTING levels."""
    if isinstance(value, str):
        return is_encodable(value)
    level, nesting = [value], 0
    while level and nesting <= _MAX_NESTING:
        nesting += 1
        level = [inner for item in level for inner in _items(item)]
    if level:
        return False
    try:
        return is_encodable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError):
        return False


def _items(value: object) -> Iterable[object]:
    """Return the items of a JSON array or the values of a JSON object."""
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def json_type(value: object) -> str:
    """Return how messages call the type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
