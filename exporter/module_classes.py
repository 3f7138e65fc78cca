"""The module table: every module of a model by its fully-qualified name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..tags.module_table import TABLE_VERSION

# The containers of torch.nn that have no `forward`: these can never be called.
_CONTAINERS = (
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
    torch.nn.ParameterList,
    torch.nn.ParameterDict,
)


def build_module_table(model: torch.nn.Module, calls: Sequence[str], *, same_run: bool) -> dict[str, Any]:
    """Return the module table of a model as the JSON object `{"version": 1, "modules": {scope: entry}}`.

    `calls` lists the called modules in order of first call. Unless they come from the `same_run` that wrote the
    ONNX file, a module missing there may still be called by another: only containers are then said to be
    uncalled. Keys of an entry: `class` (qualified), `kind` (`torch.nn` or `own`), `called`, `order` (0 is the
    root), `aliases` (other names of the same object) and `parameters` (local names of the parameters and buffers
    of its own).
    """
    order = {name: index for index, name in enumerate(calls)}
    aliases: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        aliases.setdefault(id(module), []).append(name)
    modules: dict[str, dict[str, Any]] = {}
    for name, module in model.named_modules():
        entry: dict[str, Any] = {"class": qualified_class(module), "kind": _kind(module)}
        if name in order:
            entry |= {"called": True, "order": order[name]}
        elif same_run or isinstance(module, _CONTAINERS) or any(call.startswith(f"{name}.") for call in calls):
            # A module that is passed over while what it holds is called is a container too.
            entry["called"] = False
        if len(aliases[id(module)]) > 1:
            entry["aliases"] = [alias for alias in aliases[id(module)] if alias != name]
        own = [local for local, _ in module.named_parameters(recurse=False)]
        own += [local for local, _ in module.named_buffers(recurse=False)]
        if own:
            entry["parameters"] = own
        modules[name] = entry
    return {"version": TABLE_VERSION, "modules": modules}


def qualified_class(module: torch.nn.Module) -> str:
    """Return the class as torch's exporter writes it: its module's name, a dot, its qualified name."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _kind(module: torch.nn.Module) -> str:
    return "torch.nn" if type(module).__module__.startswith("torch.nn.") else "own"
