"""A comparison as JSON (docs/compare.schema.json)."""

from __future__ import annotations

import math
from typing import Any

from .comparison import Comparison, ModuleDistance
from .exclusion import Exclusion
from .fault import DifferentNode, Fault
from .metrics import Distance


def to_json(found: Comparison) -> dict[str, Any]:
    """Return strict JSON: what is equal or was not measured has no number."""
    return {
        "schema": 1,
        "a": found.a,
        "b": found.b,
        "agrees": found.agrees,
        "threshold": found.threshold,
        "outputs": _distance(found.outputs, "snr"),
        "first": None if found.first is None else _first(found),
        "path": list(found.path),
        "fault": None if found.fault is None else _fault(found.fault),
        "outliers": {scope: drop if math.isfinite(drop) else None for scope, drop in found.outliers.items()},
        "modules": {scope: _module(module) for scope, module in found.modules.items()},
        "unpaired": list(found.unpaired),
        "random": list(found.random),
        **({} if found.weights is None else {"weights": found.weights.to_json()}),
        **({} if found.exclusions is None else {"exclusions": [_exclusion(item) for item in found.exclusions]}),
        "inputs": found.inputs,
        "runs": found.runs,
    }


def _first(found: Comparison) -> dict[str, Any]:
    return {"scope": found.first, "call": None if found.fault is None else found.fault.call}


def _exclusion(found: Exclusion) -> dict[str, Any]:
    return {
        "scope": found.scope,
        "alone": _distance(found.alone, "snr"),
        "together": _distance(found.together, "snr"),
    }


def _module(module: ModuleDistance) -> dict[str, Any]:
    accumulated = {} if module.accumulated is None else _distance(module.accumulated, "accumulated")
    local = {} if module.local is None else _distance(module.local, "local")
    return {
        "nodes": module.nodes,
        "arithmetic": module.arithmetic,
        **accumulated,
        **{key: value for key, value in local.items() if key == "local"},
        **({"local_equal": True} if local.get("equal") else {}),
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "reads": list(fault.reads),
        "writes": list(fault.writes),
        "node": None if fault.node is None else _node(fault.node),
    }


def _node(node: DifferentNode) -> dict[str, Any]:
    return {"name": node.name, "operator": node.operator, **_distance(node.distance, "snr")}


def _distance(found: Distance, key: str) -> dict[str, Any]:
    if found.is_equal:
        return {"equal": True}
    ratio = {} if found.snr is None or math.isinf(found.snr) else {key: found.snr}
    cosine = {} if found.cosine is None else {"cosine": found.cosine}
    largest = {} if math.isinf(found.max_abs) else {"max_abs": found.max_abs, "max_rel": found.max_rel}
    return {**ratio, **cosine, **largest, "nan": found.nan, "inf": found.inf, "beyond_half": found.beyond_half}
