"""Chrome's trace events, which Perfetto and chrome://tracing open: one typical run, nodes below their modules.

A module is an event that lasts from the first to the last of consecutive nodes that ran in it or below it.
"""

from __future__ import annotations

import json
from typing import Any

from ..aggregate import UNMAPPED
from ..profile import Profile, Span
from .frames import frames

_PROCESS = 1
_THREAD = 1


def dumps(profile: Profile) -> str:
    """Return one typical run as trace events, in microseconds of the profiled run."""
    value = {"displayTimeUnit": "ns", "otherData": {"model": profile.model}, "traceEvents": _events(profile)}
    return json.dumps(value, allow_nan=False) + "\n"


def _events(profile: Profile) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [_thread_name("modules")]
    open_modules: list[dict[str, Any]] = []
    end = 0.0
    for span in _outermost(profile):
        labels = [UNMAPPED] if span.module.scope is None else frames(profile, span.module.scope)
        kept = _common(labels, [event["name"] for event in open_modules])
        for event in open_modules[kept:]:
            event["dur"] = end - event["ts"]
        del open_modules[kept:]
        for label in labels[kept:]:
            opened = _event(label, "module", span.start_us)
            open_modules.append(opened)
            events.append(opened)
        end = span.end_us
        events.append(
            {**_event(span.node.name, "node", span.start_us), "dur": end - span.start_us, "args": _args(span)}
        )
    for event in open_modules:
        event["dur"] = end - event["ts"]
    return events


def _outermost(profile: Profile) -> list[Span]:
    """Return the nodes that are in no other node: those of a body lie in the time of their If or Loop."""
    found: list[Span] = []
    for span in profile.timeline:
        if not found or span.start_us >= found[-1].end_us:
            found.append(span)
    return found


def _common(one: list[str], other: list[str]) -> int:
    length = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours != theirs:
            break
        length += 1
    return length


def _event(name: str, category: str, start_us: float) -> dict[str, Any]:
    return {"name": name, "cat": category, "ph": "X", "ts": start_us, "dur": 0.0, "pid": _PROCESS, "tid": _THREAD}


def _thread_name(name: str) -> dict[str, Any]:
    return {"name": "thread_name", "ph": "M", "pid": _PROCESS, "tid": _THREAD, "args": {"name": name}}


def _args(span: Span) -> dict[str, Any]:
    return {
        "op": span.node.operator,
        "provider": span.node.provider,
        "module": span.module.scope,
        "parts": list(span.module.parts),
    }
