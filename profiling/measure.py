"""Run a model in a worker process, without profiling and with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ..errors import HpassError
from ..graph.files import model_file
from ..running.worker_process import worker
from .node_times import NodeTimes
from .ort_trace import read_ort_trace
from .statistics import Samples, least_disturbed

Step = Callable[[str], object]
"""What is called with the name of each step, one of them for each measured run."""


@dataclass(frozen=True)
class Measurement:
    """What onnxruntime told.

    times: of nodes, in the least disturbed of the profiled runs after warm-up.
    walls_us, profiled_walls_us: the wall times of such runs in microseconds, without profiling and with it.
    runs: the number of profiled runs, the disturbed ones included.
    optimised: the model as it was run; None if onnxruntime cannot save it.
    partitions: the execution provider of each partition, and the names of its original nodes.
    trace: the profile's path, in the scratch folder of the request.
    """

    times: NodeTimes
    walls_us: Sequence[float]
    profiled_walls_us: Sequence[float]
    runs: int
    warmup: int
    interrupted: bool
    optimised: onnx.ModelProto | None
    partitions: Sequence[tuple[str, Sequence[str]]]
    trace: Path
    inputs: Mapping[str, Sequence[int] | None]
    version: str


def measure(request: Mapping[str, Any], runs: int, warmup: int | None, step: Step) -> Measurement:
    """Run a request's model until it is warm (`warmup` times if that is given), and `runs` times more.

    Raises HpassError if the model cannot be run.
    """
    told: dict[str, Any] | None = None
    with worker("profiling.measure_worker", {**request, "runs": runs, "warmup": warmup}) as messages:
        for message in messages:
            if "step" in message:
                step(message["step"])
            else:
                told = message
    if told is None:
        raise HpassError(f"{request['name']}: onnxruntime ended without an answer")
    trace = Path(told["trace"])
    plain_us, plain_switches = _columns(told["plain_runs"])
    profiled_us, profiled_switches = _columns(told["profiled_runs"])
    calm = least_disturbed(profiled_switches)
    times = read_ort_trace(trace, skipped_runs=told["warmup"])
    # onnxruntime stops writing events after a million of them, and then runs are missing.
    if len(times.times_us) == len(calm):
        times = replace(times, times_us=times.times_us[calm])
    return Measurement(
        times=times,
        walls_us=plain_us[least_disturbed(plain_switches)].tolist(),
        profiled_walls_us=profiled_us[calm].tolist(),
        runs=len(profiled_us),
        warmup=told["warmup"],
        interrupted=told["interrupted"],
        optimised=None if told["optimised"] is None else model_file.read(told["optimised"]).proto,
        partitions=[(provider, names) for provider, names in told["assigned"]],
        trace=trace,
        inputs=told["inputs"],
        version=told["onnxruntime"],
    )


def _columns(runs: Sequence[tuple[float, int]]) -> tuple[Samples, Samples]:
    table = np.array(runs, float).reshape(-1, 2)
    return table[:, 0], table[:, 1]
