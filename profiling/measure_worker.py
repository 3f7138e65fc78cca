"""The worker of `profiling/measure.py`: it measures runs without profiling, and then profiled ones."""

# onnxruntime has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, NamedTuple

import onnxruntime

from ..running.worker_side import Send, limit_time, open_session, request_inputs, serve

try:
    import resource
except ImportError:
    # Windows does not count them.
    resource = None

# Warm-up ends if the median of this many runs is no more than this share below the median of as many before them, or
# after the maximum of runs or seconds. Not tuned.
_WINDOW = 5
_STABLE = 0.05
_MAX_WARMUP_RUNS = 100
_MAX_WARMUP_S = 20.0

# What is still run, at most, if profiling has not begun when the measurement is interrupted.
_RUNS_AFTER_INTERRUPTION = 10
_RUNS_AFTER_INTERRUPTION_NS = 2_000_000_000


class _TimedRun(NamedTuple):
    """The wall time of a run in microseconds, and how often the system took the processor away from it."""

    us: float
    switches: int


class _Interruption:
    """Whether SIGINT has asked for an early end."""

    requested = False

    def __init__(self) -> None:
        signal.signal(signal.SIGINT, self._request)

    def _request(self, _number: int, _frame: object) -> None:
        self.requested = True


def answer(request: Mapping[str, Any], send: Send) -> None:
    """Send the time of each run, the profile's path, and what onnxruntime says of the optimised model."""
    interruption = _Interruption()
    seconds = request["seconds"]
    limit_time(seconds)
    session = open_session(request)
    inputs = request_inputs(request, session)

    def timed_run(session: Any) -> _TimedRun:
        limit_time(seconds)
        switches = _involuntary_switches()
        start = perf_counter_ns()
        session.run(None, inputs)
        return _TimedRun((perf_counter_ns() - start) / 1e3, _involuntary_switches() - switches)

    def measure(session: Any, step: str) -> tuple[list[_TimedRun], int]:
        send({"step": f"{step}, warm-up"})
        warmup = _warm_up(lambda: timed_run(session).us, request["warmup"], interruption)
        runs: list[_TimedRun] = []
        while len(runs) < request["runs"] and not interruption.requested:
            send({"step": step})
            runs.append(timed_run(session))
        return runs, warmup

    plain_runs, _ = measure(session, "without profiling")
    del session
    send({"step": "open"})
    limit_time(seconds)
    session, saved = _open_profiled(request)
    profiled_runs, warmup = measure(session, "with profiling")
    if interruption.requested and not profiled_runs:
        # A profile of a few runs is worth more than none.
        end = perf_counter_ns() + _RUNS_AFTER_INTERRUPTION_NS
        while not profiled_runs or (len(profiled_runs) < _RUNS_AFTER_INTERRUPTION and perf_counter_ns() < end):
            profiled_runs.append(timed_run(session))
    limit_time(seconds)
    trace = session.end_profiling()
    send(
        {
            "plain_runs": plain_runs,
            "profiled_runs": profiled_runs,
            "warmup": warmup,
            "interrupted": interruption.requested,
            "trace": trace,
            "optimised": saved,
            "assigned": _assigned(session),
            "inputs": {name: _shape(value) for name, value in inputs.items()},
            "onnxruntime": onnxruntime.__version__,
        }
    )


def _involuntary_switches() -> int:
    """Return how often the system has taken a processor away from this process."""
    return 0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _warm_up(run: Callable[[], float], fixed: int | None, interruption: _Interruption) -> int:
    """Run until the time is stable, or a fixed number of times; return the number of runs."""
    times: list[float] = []
    while not interruption.requested:
        if (len(times) >= fixed) if fixed is not None else _is_stable(times):
            break
        times.append(run())
    return len(times)


def _is_stable(times: list[float]) -> bool:
    if len(times) >= _MAX_WARMUP_RUNS or sum(times) > _MAX_WARMUP_S * 1e6:
        return True
    if len(times) < 2 * _WINDOW:
        return False
    return median(times[-_WINDOW:]) > (1 - _STABLE) * median(times[-2 * _WINDOW : -_WINDOW])


def _open_profiled(request: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Open a session that profiles and saves the optimised model; return it and the path, or None if it is not saved.

    A model with compiled partitions cannot be saved.
    """
    scratch = Path(request["path"]).parent
    profile, optimised = str(scratch / "profile"), scratch / "optimised.onnx"
    try:
        session = open_session(request, profile_file_prefix=profile, optimized_model_filepath=str(optimised))
    except Exception:  # noqa: BLE001 - onnxruntime raises many types; without saving it may open
        return open_session(request, profile_file_prefix=profile), None
    return session, str(optimised) if optimised.exists() else None


def _assigned(session: Any) -> list[tuple[str, list[str]]]:
    """Return the partitions, each with its provider and the names of its nodes before their fusion."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return []
    return [
        (part.ep_name, [node.name for node in part.get_nodes()])
        for part in session.get_provider_graph_assignment_info()
    ]


def _shape(value: Any) -> list[int] | None:
    return list(value.shape) if hasattr(value, "shape") else None


if __name__ == "__main__":
    serve(answer)
