"""Read the profile that onnxruntime writes: a list of events in Chrome's trace format, times in whole microseconds.

A run is an event `model_run`, and a node an event `NAME_kernel_time`. The nodes in the body of an If or Loop are events
inside the event of that node; their time is subtracted from its time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from ..errors import HpassError
from ..graph.files.limited_read import read_file
from .node_times import NodeSpan, NodeTimes, ProfiledNode

# onnxruntime stops after 1,000,000 events, which take about 800 MB.
_MAX_BYTES = 2 << 30
_RESOLUTION_US = 1.0
_ENDING = "_kernel_time"
_RUN = "model_run"


class _Event(NamedTuple):
    start: float
    end: float
    node: ProfiledNode
    output_bytes: int


def read_ort_trace(path: Path, *, skipped_runs: int = 0) -> NodeTimes:
    """Return the times of nodes in a profile of onnxruntime, without the first `skipped_runs` runs.

    A profile without events of runs counts as one run. Raises HpassError if the file is no such profile, or has no run.
    """
    events = _events(path)
    runs: dict[int, list[tuple[float, float]]] = defaultdict(list)
    nodes: dict[int, list[_Event]] = defaultdict(list)
    for event in events:
        thread, start = event.get("tid", 0), float(event["ts"])
        end = start + float(event.get("dur", 0))
        name = str(event.get("name", ""))
        if event.get("cat") == "Session" and name == _RUN:
            runs[thread].append((start, end))
        elif event.get("cat") == "Node" and name.endswith(_ENDING):
            nodes[thread].append(_node_event(event, start, end))
    if not any(nodes.values()):
        raise HpassError(f"{path}: has no events of nodes; is it a profile of onnxruntime?")
    cut = [_cut(nodes[thread], sorted(runs[thread])) for thread in nodes]
    complete = sorted((run for part in cut for run in part if run), key=lambda run: run[0].start)
    kept = complete[skipped_runs:]
    if not kept:
        raise HpassError(f"{path}: has {len(complete)} runs, all of them warm-up; measure more runs")
    return _times(kept)


def _events(path: Path) -> list[Mapping[str, Any]]:
    try:
        content = read_file(path, _MAX_BYTES)
        data: object = None if content is None else json.loads(content)
    except OSError as error:
        raise HpassError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise HpassError(f"{path}: is not JSON ({error}); name a profile of onnxruntime") from error
    if content is None:
        raise HpassError(f"{path}: more than {_MAX_BYTES:,} bytes; profile fewer runs")
    if isinstance(data, dict):
        data = cast("dict[str, object]", data).get("traceEvents")
    if not isinstance(data, list):
        raise HpassError(f"{path}: is not a list of trace events; name a profile of onnxruntime")
    return [event for event in cast("list[object]", data) if _is_event(event)]


def _is_event(event: object) -> TypeGuard[dict[str, Any]]:
    start = cast("dict[str, object]", event).get("ts") if isinstance(event, dict) else None
    return isinstance(start, (int, float)) and not isinstance(start, bool)


def _node_event(event: Mapping[str, Any], start: float, end: float) -> _Event:
    args = event.get("args")
    known = cast("dict[str, object]", args) if isinstance(args, dict) else {}
    size = str(known.get("output_size", ""))
    node = ProfiledNode(
        str(event["name"]).removesuffix(_ENDING), str(known.get("op_name", "")), str(known.get("provider", ""))
    )
    return _Event(start, end, node, int(size) if size.isdecimal() else 0)


def _cut(events: list[_Event], runs: Sequence[tuple[float, float]]) -> list[list[_Event]]:
    """Return the events of each run. Events outside of runs, as those of a run that was cut off, are left out."""
    events.sort(key=lambda event: (event.start, -event.end))
    if not runs:
        return [events]
    parts: list[list[_Event]] = [[] for _ in runs]
    index = 0
    for event in events:
        while index < len(runs) and event.start > runs[index][1]:
            index += 1
        if index < len(runs) and event.start >= runs[index][0]:
            parts[index].append(event)
    return parts


def _times(runs: Sequence[Sequence[_Event]]) -> NodeTimes:
    number: dict[ProfiledNode, int] = {}
    for run in runs:
        for event in run:
            number.setdefault(event.node, len(number))
    times = np.zeros((len(runs), len(number)))
    calls = np.zeros((len(runs), len(number)))
    sizes = np.zeros((len(runs), len(number)))
    for row, run in enumerate(runs):
        for event, own in _exclusive(run):
            column = number[event.node]
            times[row, column] += own
            calls[row, column] += 1
            sizes[row, column] += event.output_bytes
    return NodeTimes(
        tuple(number),
        times,
        [int(value) for value in np.median(calls, axis=0)],
        [int(value) for value in np.median(sizes, axis=0)],
        _RESOLUTION_US,
        _timeline(runs[_typical(times.sum(axis=1))], number),
    )


def _typical(totals: npt.NDArray[np.float64]) -> int:
    """Return the run whose time is nearest to the median."""
    return int(np.argmin(np.abs(totals - np.median(totals))))


def _timeline(run: Sequence[_Event], number: Mapping[ProfiledNode, int]) -> list[NodeSpan]:
    start = run[0].start
    return [NodeSpan(event.start - start, event.end - start, number[event.node]) for event in run]


def _exclusive(events: Iterable[_Event]) -> Iterable[tuple[_Event, float]]:
    """Yield each event of a thread with its time without that of the events inside it. They are in order of start."""
    open_events: list[tuple[_Event, list[float]]] = []
    for event in events:
        while open_events and event.start >= open_events[-1][0].end:
            yield _closed(*open_events.pop())
        if open_events:
            # An inner event may seem to end later than its holder, because times are rounded.
            open_events[-1][1].append(min(event.end, open_events[-1][0].end) - event.start)
        open_events.append((event, []))
    while open_events:
        yield _closed(*open_events.pop())


def _closed(event: _Event, inner: list[float]) -> tuple[_Event, float]:
    return event, event.end - event.start - sum(inner)
