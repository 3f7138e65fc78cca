"""Read the profile that onnxruntime writes: a list of events in Chrome's trace format, times in whole microseconds.

A run is an event `model_run`, and a node an event `NAME_kernel_time`. The nodes in the body of an If or Loop are events
inside the event of that node; their time is subtracted from its time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from ..errors import HpassError
from .gpu_kernels import Kernel, NodeEvent, Run, as_node, attach, distribute, kernel_event
from .node_times import NodeSpan, NodeTimes, ProfiledNode
from .trace_json import read_trace_json

KIND = "a profile of onnxruntime"

_RESOLUTION_US = 1.0
_ENDING = "_kernel_time"
_RUN = "model_run"
# Longer than any run, and far from what floats cannot add.
_MAX_US = 1e15


def read_ort_trace(path: Path, *, skipped_runs: int = 0) -> NodeTimes:
    """Return the times of nodes in a profile of onnxruntime. Raises HpassError as `ort_times` does."""
    return ort_times(read_trace_json(path, KIND), path, skipped_runs=skipped_runs)


def ort_times(data: object, path: Path, *, skipped_runs: int = 0) -> NodeTimes:
    """Return the times of nodes in the content of a profile, without the first `skipped_runs` runs.

    A profile without events of runs counts as one run. Raises HpassError if the file is no such profile, or has no run.
    """
    events = _events(data, path)
    runs: dict[int, list[tuple[float, float]]] = defaultdict(list)
    nodes: dict[int, list[NodeEvent]] = defaultdict(list)
    kernels: list[Kernel] = []
    before: tuple[str, float] = "", 0.0
    for event in events:
        thread, start = event.get("tid", 0), float(event["ts"])
        end = start + float(event.get("dur", 0))
        name, category = str(event.get("name", "")), event.get("cat")
        if category == "Kernel":
            kernels.append(kernel_event(event, before))
            continue
        before = name, start
        if category == "Session" and name == _RUN:
            runs[thread].append((start, end))
        elif category == "Node" and name.endswith(_ENDING):
            nodes[thread].append(_node_event(event, start, end))
    if not any(nodes.values()):
        raise HpassError(f"{path}: has no events of nodes; is it a profile of onnxruntime?")
    others = attach(kernels, [event for of_thread in nodes.values() for event in of_thread])
    cut = [Run(part) for thread in nodes for part in _cut(nodes[thread], sorted(runs[thread])) if part]
    complete = sorted(cut, key=lambda run: run.events[0].start)
    kept = complete[skipped_runs:]
    if not kept:
        raise HpassError(f"{path}: has {len(complete)} runs, all of them warm-up; measure more runs")
    distribute(others, complete)
    return _times(kept)


def _events(data: object, path: Path) -> list[Mapping[str, Any]]:
    if isinstance(data, dict):
        data = cast("dict[str, object]", data).get("traceEvents")
    if not isinstance(data, list):
        raise HpassError(f"{path}: is not a list of trace events; name {KIND}")
    return [event for event in cast("list[object]", data) if _is_event(event)]


def _is_event(event: object) -> TypeGuard[dict[str, Any]]:
    start = cast("dict[str, object]", event).get("ts") if isinstance(event, dict) else None
    duration = cast("dict[str, object]", event).get("dur", 0) if isinstance(event, dict) else None
    return _is_number(start) and _is_number(duration)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MAX_US


def _node_event(event: Mapping[str, Any], start: float, end: float) -> NodeEvent:
    args = event.get("args")
    known = cast("dict[str, object]", args) if isinstance(args, dict) else {}
    size = str(known.get("output_size", ""))
    node = ProfiledNode(
        str(event["name"]).removesuffix(_ENDING), str(known.get("op_name", "")), str(known.get("provider", ""))
    )
    return NodeEvent(start, end, node, int(size) if size.isdecimal() else 0)


def _cut(events: list[NodeEvent], runs: Sequence[tuple[float, float]]) -> list[list[NodeEvent]]:
    """Return the events of each run. Events outside of runs, as those of a run that was cut off, are left out."""
    events.sort(key=lambda event: (event.start, -event.end))
    if not runs:
        return [events]
    parts: list[list[NodeEvent]] = [[] for _ in runs]
    index = 0
    for event in events:
        while index < len(runs) and event.start > runs[index][1]:
            index += 1
        if index < len(runs) and event.start >= runs[index][0]:
            parts[index].append(event)
    return parts


def _times(runs: Sequence[Run]) -> NodeTimes:
    on_device = {event.node.provider for run in runs for event in run.events if event.kernels_us is not None}
    device = min(on_device) if len(on_device) == 1 else ""
    number: dict[ProfiledNode, int] = {}
    for run in runs:
        for node in (*(event.node for event in run.events), *(as_node(kernel, device) for kernel in run.kernels)):
            number.setdefault(node, len(number))
    times = np.zeros((len(runs), len(number)))
    calls = np.zeros((len(runs), len(number)))
    sizes = np.zeros((len(runs), len(number)))
    for row, run in enumerate(runs):
        for event, own in _exclusive(run.events):
            column = number[event.node]
            times[row, column] += (event.kernels_us or 0.0) if event.node.provider in on_device else own
            calls[row, column] += 1
            sizes[row, column] += event.output_bytes
        for kernel in run.kernels:
            column = number[as_node(kernel, device)]
            times[row, column] += kernel.us
            calls[row, column] += 1
    return NodeTimes(
        tuple(number),
        times,
        [int(value) for value in np.median(calls, axis=0)],
        [int(value) for value in np.median(sizes, axis=0)],
        _RESOLUTION_US,
        _timeline(runs[_typical(times.sum(axis=1))].events, number),
    )


def _typical(totals: npt.NDArray[np.float64]) -> int:
    """Return the run whose time is nearest to the median."""
    return int(np.argmin(np.abs(totals - np.median(totals))))


def _timeline(run: Sequence[NodeEvent], number: Mapping[ProfiledNode, int]) -> list[NodeSpan]:
    start = run[0].start
    return [NodeSpan(event.start - start, event.end - start, number[event.node]) for event in run]


def _exclusive(events: Iterable[NodeEvent]) -> Iterable[tuple[NodeEvent, float]]:
    """Yield each event of a thread with its time without that of the events inside it. They are in order of start."""
    open_events: list[tuple[NodeEvent, list[float]]] = []
    for event in events:
        while open_events and event.start >= open_events[-1][0].end:
            yield _closed(*open_events.pop())
        if open_events:
            # An inner event may seem to end later than its holder, because times are rounded.
            open_events[-1][1].append(min(event.end, open_events[-1][0].end) - event.start)
        open_events.append((event, []))
    while open_events:
        yield _closed(*open_events.pop())


def _closed(event: NodeEvent, inner: list[float]) -> tuple[NodeEvent, float]:
    return event, event.end - event.start - sum(inner)
