"""The kernels that ran on a GPU, in a profile of onnxruntime, and the nodes that they belong to.

A build of onnxruntime that profiles a GPU writes the kernels behind the event of their node:

    {"cat": "Node", "name": "/fc/Gemm_kernel_time", "dur": 40, ...},
    {"cat": "Kernel", "name": "sgemm_32x32", "dur": 12, "args": {"parent_name": "/fc/Gemm_kernel_time", ...}, ...}

A node's own event then has only the time in which kernels were launched. So nodes of a provider that has kernels have
the time of their kernels, and no other.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from .node_times import ProfiledNode

# Profiles of old versions have events before and after a node as well.
_NODE_ENDINGS = re.compile(r"_(kernel_time|fence_before|fence_after)$")


@dataclass(slots=True, eq=False)
class NodeEvent:
    """A node that ran. `kernels_us` is the time of its kernels on a device, None if it has none."""

    start: float
    end: float
    node: ProfiledNode
    output_bytes: int
    kernels_us: float | None = None


class Kernel(NamedTuple):
    """A kernel that ran on a device. `parent` is the name of the event that it belongs to, and `near` when that was."""

    name: str
    start: float
    us: float
    parent: str
    near: float


@dataclass(slots=True)
class Run:
    """The events of a run on one thread, and the kernels of which no node is known."""

    events: list[NodeEvent]
    kernels: list[Kernel] = field(default_factory=list[Kernel])


def kernel_event(event: Mapping[str, Any], before: tuple[str, float]) -> Kernel:
    """Return a kernel; `before` is the name and the start of the event that stands before it and other kernels."""
    args = event.get("args")
    named = cast("dict[str, object]", args).get("parent_name") if isinstance(args, dict) else None
    return Kernel(
        str(event.get("name", "")), float(event["ts"]), float(event.get("dur", 0)), str(named or before[0]), before[1]
    )


def attach(kernels: Iterable[Kernel], events: Iterable[NodeEvent]) -> list[Kernel]:
    """Add the time of kernels to the events of their nodes. Return the kernels of which no node is known."""
    of_name: dict[str, list[NodeEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.start):
        of_name[event.node.name].append(event)
    others: list[Kernel] = []
    for kernel in kernels:
        ending = _NODE_ENDINGS.search(kernel.parent)
        alike = of_name.get(kernel.parent[: ending.start()], []) if ending else []
        if not alike:
            others.append(kernel)
            continue
        after = bisect_left(alike, kernel.near, key=lambda event: event.start)
        nearest = min(alike[max(after - 1, 0) : after + 1], key=lambda event: abs(event.start - kernel.near))
        nearest.kernels_us = (nearest.kernels_us or 0.0) + kernel.us
    return others


def distribute(kernels: Iterable[Kernel], runs: Sequence[Run]) -> None:
    """Give each kernel to the last run that began before it."""
    for kernel in kernels:
        index = bisect_right(runs, kernel.start, key=lambda run: run.events[0].start)
        runs[max(index - 1, 0)].kernels.append(kernel)


def as_node(kernel: Kernel, provider: str) -> ProfiledNode:
    """Return a kernel as a node, by a name that no node of a model has by chance."""
    return ProfiledNode(f"(kernel) {kernel.name}", "", provider)
