"""Build the module table of a PyTorch model: every module by its fully-qualified name."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..tags.module_table import TABLE_VERSION

# The containers of torch.nn without a `forward`, which can never be called.
_CONTAINERS = (
    torch.nn.ModuleList,
    torch.nn.ModuleDict,
    torch.nn.ParameterList,
    torch.nn.ParameterDict,
)


def build_module_table(model: torch.nn.Module, calls: Sequence[str], *, same_run: bool) -> dict[str, Any]:
    """Return the module table of a model as the JSON object `{"version": 1, "modules": {scope: entry}}`.

    `calls` lists the called modules in order of first call. `same_run` says that they were recorded in the run that
    wrote the ONNX file. If not, another run may call other modules, so `called` is false for containers only. The keys
    of an entry are `class` (qualified), `kind` (`torch.nn` or `own`), `called`, `order` (0 is the root), `aliases`
    (other names of the same module) and `parameters` (local names of its own parameters and buffers).
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
            # A module that is not called while its submodules are is a container.
            entry["called"] = False
        if len(aliases[id(module)]) > 1:
            entry["aliases"] = [alias for alias in aliases[id(module)] if alias != name]
        parameters = [local for local, _ in module.named_parameters(recurse=False)]
        parameters += [local for local, _ in module.named_buffers(recurse=False)]
        if parameters:
            entry["parameters"] = parameters
        modules[name] = entry
    return {"version": TABLE_VERSION, "modules": modules}


def qualified_class(module: torch.nn.Module) -> str:
    """Return the class in the form of torch's exporter: the name of its Python module, a dot, its qualified name."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _kind(module: torch.nn.Module) -> str:
    return "torch.nn" if type(module).__module__.startswith("torch.nn.") else "own"
