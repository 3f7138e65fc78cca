"""A profile as JSON (docs/profile.schema.json)."""

from __future__ import annotations

import json
from typing import Any

from ..profile import ModuleTime, NodeTime, Profile, TimeGroup

SCHEMA = 1


def to_json(profile: Profile) -> dict[str, Any]:
    """Return the profile as a JSON object; docs/profile.schema.json describes it. What was not measured has no key."""
    walls = {"total_us": profile.total_us, "profiled_wall_us": profile.profiled_wall_us}
    return {
        "schema": SCHEMA,
        "model": profile.model,
        "runs": profile.runs,
        "warmup": profile.warmup,
        "interrupted": profile.interrupted,
        "settings": dict(profile.settings),
        **{name: value for name, value in walls.items() if value is not None},
        "profiled_us": profile.profiled_us,
        "mapped": profile.mapped,
        "unmapped": _group(profile.unmapped),
        "modules": {
            scope: _module(module, profile.class_names.get(scope)) for scope, module in profile.modules.items()
        },
        "classes": {group.name: _group(group) for group in profile.classes},
        "layers": {group.name: _group(group) for group in profile.layers},
        "operators": {group.name: _group(group) for group in profile.operators},
        "providers": {group.name: _group(group) for group in profile.providers},
        "nodes": [_node(node) for node in profile.nodes],
    }


def dumps(profile: Profile) -> str:
    """Return the profile as JSON text."""
    return json.dumps(to_json(profile), allow_nan=False, indent=1) + "\n"


def _module(module: ModuleTime, class_name: str | None) -> dict[str, Any]:
    return {
        "class": class_name,
        "own_us": module.own_us,
        "low_us": module.low_us,
        "high_us": module.high_us,
        "all_us": module.all_us,
        "all_low_us": module.all_low_us,
        "all_high_us": module.all_high_us,
        "share": module.share,
        "calls": module.calls,
        "output_bytes": module.output_bytes,
        "all_output_bytes": module.all_output_bytes,
        "providers": dict(module.providers),
    }


def _group(group: TimeGroup) -> dict[str, Any]:
    return {
        "own_us": group.us,
        "low_us": group.low_us,
        "high_us": group.high_us,
        "share": group.share,
        "nodes": group.nodes,
    }


def _node(node: NodeTime) -> dict[str, Any]:
    return {
        "name": node.node.name,
        "op": node.node.operator,
        "provider": node.node.provider,
        "scope": node.module.scope,
        "parts": list(node.module.parts),
        "us": node.us,
        "calls": node.calls,
    }
