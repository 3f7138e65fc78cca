"""Parameter names: a node that reads `encoder.layer.0.fc.weight` usually runs in the module that owns the parameter."""

from __future__ import annotations

import re
from functools import lru_cache

from ..tags.scope import is_scope
from .tool_affixes import without_affixes

# A key of a ModuleDict may contain any character but a dot.
_PARAMETER = re.compile(r"^(?:[A-Za-z_][\w-]*|\d+)(?:\.[^.\x00-\x1f\x7f]+)*\.[\w/-]+$")
_PADDLE = re.compile(r"^(?P<layer>\w+)\.(?P<parameter>(?:w|b)_\d+)$")


@lru_cache(maxsize=65536)
def label(name: str) -> str:
    """Return the label of a dotted name: its last non-numeric atom and the numbers after it (`a.b.0.1`: `b.0.1`).

    TorchScript derives its labels by this rule (torch/onnx/utils.py, `_unqualified_variable_name`).
    """
    last = name.rpartition(".")[2]
    if not last.isnumeric():
        return last
    atoms = name.split(".")
    start = len(atoms) - 1
    while start > 0 and atoms[start].isnumeric():
        start -= 1
    return ".".join(atoms[start:])


def split_parameter(name: str) -> tuple[str, str] | None:
    """Return the module that owns a parameter, and the parameter's name there; None if it is not a parameter name.

    An entry of a ParameterList (`prompts.0`) belongs to the module that contains the list, because the list never runs
    itself. A name without a dot gives None: it may be a parameter of the root, but many other tensors have such names.
    """
    paddle = _PADDLE.match(name)
    if paddle:
        return paddle["layer"], paddle["parameter"]
    name = without_affixes(name)
    if not _PARAMETER.match(name):
        return None
    last = label(name)
    if len(last) == len(name) or last[0].isnumeric():
        return None
    owner = name[: -len(last) - 1]
    return (owner, last) if is_scope(owner) else None


def parameter_owner(name: str) -> str | None:
    """Return the module that owns a parameter, as `split_parameter`."""
    found = split_parameter(name)
    return None if found is None else found[0]


def is_parameter(name: str) -> bool:
    """Whether the name of a value has the form of a parameter name below the root."""
    return parameter_owner(name) is not None
