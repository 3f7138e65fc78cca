"""Parameter names: a node that reads `encoder.layer.0.fc.weight` runs in, or beside, the module that owns it."""

from __future__ import annotations

import re

from .tool_affixes import without_affixes

_PARAMETER = re.compile(r"^(?:[A-Za-z_][\w-]*|\d+)(?:\.[\w/-]+)+$")
_PADDLE = re.compile(r"^(?P<layer>\w+)\.(?:w|b)_\d+$")


def label(name: str) -> str:
    """Return the end of a dotted name that tells siblings apart: the last non-numeric atom, and all after it.

    TorchScript's labels are made by this rule (torch/onnx/utils.py, `_unqualified_variable_name`).
    """
    atoms = name.split(".")
    start = len(atoms) - 1
    while start > 0 and atoms[start].isnumeric():
        start -= 1
    return ".".join(atoms[start:])


def parameter_owner(name: str) -> str | None:
    """Return the module that owns a parameter; None where the name is not a parameter's.

    An entry of a ParameterList (`prompts.0`) belongs to the module that holds the list, which never runs itself. A
    parameter of the root has a bare name, as has many a tensor that is no parameter, so it counts as none.
    """
    paddle = _PADDLE.match(name)
    if paddle:
        return paddle["layer"]
    name = without_affixes(name)
    if not _PARAMETER.match(name):
        return None
    last = label(name)
    if len(last) == len(name) or last[0].isnumeric():
        return None
    return name[: -len(last) - 1]


def is_parameter(name: str) -> bool:
    """Whether a value's name has the form of a PyTorch parameter below the root."""
    return parameter_owner(name) is not None
