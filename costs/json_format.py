"""The cost of a model as JSON (docs/cost.schema.json)."""

from __future__ import annotations

from typing import Any

from .cost import Amounts, Cost, OperatorCost
from .sizes import Size

SCHEMA = 1


def to_json(cost: Cost) -> dict[str, Any]:
    """Return the cost as a JSON object. A number that depends on free sizes is null, with a formula beside it."""
    return {
        "schema": SCHEMA,
        "model": cost.model,
        "sizes": dict(cost.sizes),
        "free": list(cost.free),
        "total": amounts_json(cost.total),
        "modules": {
            scope: {"class": cost.class_names.get(scope), **amounts_json(module.all), "own": amounts_json(module.own)}
            for scope, module in cost.modules.items()
        },
        "operators": {operator: _operator(found) for operator, found in cost.operators.items()},
    }


def amounts_json(amounts: Amounts) -> dict[str, Any]:
    """Return the cost of some nodes as a JSON object."""
    return {
        **_size("macs", amounts.macs),
        **_size("flops", amounts.flops),
        "parameters": amounts.parameters,
        "parameter_bytes": amounts.parameter_bytes,
        **_size("activation_bytes", amounts.activation_bytes),
        "intensity": amounts.intensity,
        "nodes": dict(amounts.nodes),
        "unknown": amounts.unknown,
    }


def _operator(cost: OperatorCost) -> dict[str, Any]:
    return {
        "nodes": cost.nodes,
        **_size("macs", cost.macs),
        **_size("flops", cost.flops),
        **_size("activation_bytes", cost.activation_bytes),
        "unknown": cost.unknown,
    }


def _size(name: str, size: Size) -> dict[str, Any]:
    if isinstance(size, int):
        return {name: size, f"{name}_formula": None}
    return {name: None, f"{name}_formula": str(size)}
