"""Times of nodes, by run, however they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class ProfiledNode(NamedTuple):
    """A node as the runtime names it."""

    name: str
    operator: str
    provider: str


class NodeSpan(NamedTuple):
    """When a node ran, in microseconds from the start of its run. `node` is its index."""

    start_us: float
    end_us: float
    node: int


@dataclass(frozen=True)
class NodeTimes:
    """What nodes took.

    nodes: the profiled nodes.
    times_us: the time of each node in each run, in microseconds, without the time of nodes inside it (runs, nodes).
    calls: how often each node ran in one run, the median over runs.
    output_bytes: the size of the node's outputs in one run, 0 if it is not known.
    resolution_us: the unit of the clock, in microseconds.
    timeline: when the nodes of one typical run ran, in order.
    originals: the names of the original nodes that each node replaced; empty if the trace does not say.
    summarised_runs: how many runs a trace with only one number for each node sums up; None if it does not say.
    """

    nodes: Sequence[ProfiledNode]
    times_us: npt.NDArray[np.float64]
    calls: Sequence[int]
    output_bytes: Sequence[int]
    resolution_us: float
    timeline: Sequence[NodeSpan]
    originals: Sequence[Sequence[str]] = ()
    summarised_runs: int | None = None
