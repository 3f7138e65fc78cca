"""Reading onnxruntime's profile: events written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpass import HpassError
from hpass.profiling.node_times import NodeTimes
from hpass.profiling.ort_trace import read_ort_trace


def run_event(start: int, end: int, **other: Any) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "ts": start, "dur": end - start, "tid": 1, "ph": "X", **other}


def node_event(name: str, start: int, end: int, **other: Any) -> dict[str, Any]:
    args = {"op_name": "Relu", "provider": "CPUExecutionProvider", "output_size": "8"}
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "ts": start,
        "dur": end - start,
        "tid": 1,
        "args": args,
        **other,
    }


def read(folder: Path, *events: object, skipped_runs: int = 0) -> NodeTimes:
    path = folder / "profile.json"
    path.write_text(json.dumps(events), encoding="utf-8")
    return read_ort_trace(path, skipped_runs=skipped_runs)


def by_name(times: NodeTimes) -> dict[str, list[float]]:
    return {node.name: times.times_us[:, index].tolist() for index, node in enumerate(times.nodes)}


def test_runs_are_cut_and_warm_up_is_left_out(tmp_path: Path) -> None:
    times = read(
        tmp_path,
        node_event("a", 1, 91),
        run_event(0, 100),
        node_event("a", 201, 211),
        node_event("b", 212, 215),
        run_event(200, 220),
        node_event("a", 301, 312),
        node_event("b", 312, 316),
        run_event(300, 320),
        skipped_runs=1,
    )

    assert by_name(times) == {"a": [10, 11], "b": [3, 4]}
    assert list(times.calls) == [1, 1]
    assert list(times.output_bytes) == [8, 8]


def test_the_time_of_a_loop_is_without_its_body(tmp_path: Path) -> None:
    times = read(
        tmp_path,
        node_event("loop", 10, 100),
        node_event("body", 20, 40),
        node_event("if", 50, 90),
        node_event("then", 60, 65),
        # Rounding makes it end after its holder.
        node_event("body", 95, 101),
        run_event(0, 120),
    )

    assert by_name(times) == {"loop": [90 - 20 - 40 - 5], "body": [26], "if": [35], "then": [5]}
    assert times.times_us.sum() == 91
    assert dict(zip(("loop", "body"), times.calls, strict=False)) == {"loop": 1, "body": 2}


def test_threads_are_apart(tmp_path: Path) -> None:
    times = read(
        tmp_path,
        node_event("a", 1, 50),
        node_event("a", 10, 30, tid=2),
        run_event(0, 60),
        run_event(5, 40, tid=2),
    )

    assert sorted(by_name(times)["a"]) == [20, 49]


def test_events_of_an_unfinished_run_and_fences_are_skipped(tmp_path: Path) -> None:
    fence = {"cat": "Node", "name": "a_fence_before", "ts": 1, "dur": 0, "tid": 1}
    times = read(tmp_path, fence, node_event("a", 1, 5), run_event(0, 10), node_event("a", 21, 25))

    assert by_name(times) == {"a": [4]}


def test_a_trace_with_other_keys_around_is_read(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({"traceEvents": [node_event("a", 1, 5)]}), encoding="utf-8")

    assert by_name(read_ort_trace(path)) == {"a": [4]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "is not JSON"),
        ("3", "is not a list of trace events"),
        ("[]", "has no events of nodes"),
        ('[{"cat": "Node", "name": "a_kernel_time", "ts": "x"}, 7, null]', "has no events of nodes"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(HpassError, match=message):
        read_ort_trace(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HpassError, match="cannot be read"):
        read_ort_trace(tmp_path / "none.json")


def test_more_warm_up_than_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HpassError, match="has 1 runs, all of them warm-up"):
        read(tmp_path, node_event("a", 1, 5), run_event(0, 10), skipped_runs=1)


def kernel_event(name: str, start: int, us: int, parent: str | None = None) -> dict[str, Any]:
    """Return a kernel, made up: as onnxruntime's `GPUProfilerBase::MergeEvents` writes it. No card was there to try."""
    args = {"op_name": "Relu", "stream": "7", "grid_x": "1"} | ({} if parent is None else {"parent_name": parent})
    return {"cat": "Kernel", "name": name, "ts": start, "dur": us, "pid": -1, "tid": -1, "args": args}


ON_GPU = {"args": {"op_name": "Relu", "provider": "CUDAExecutionProvider"}}


def test_a_node_on_a_gpu_has_the_time_of_its_kernels(tmp_path: Path) -> None:
    times = read(
        tmp_path,
        node_event("a", 1, 5, **ON_GPU),
        kernel_event("fill", 90, 20, "a_kernel_time"),
        kernel_event("relu", 110, 300, "a_kernel_time"),
        # It launches nothing.
        node_event("view", 6, 9, **ON_GPU),
        node_event("host", 10, 30),
        run_event(0, 600),
        node_event("a", 701, 705, **ON_GPU),
        kernel_event("relu", 710, 280, "a_kernel_time"),
        node_event("view", 706, 708, **ON_GPU),
        node_event("host", 709, 739),
        run_event(700, 1000),
    )

    assert by_name(times) == {"a": [320, 280], "view": [0, 0], "host": [20, 30]}


def test_kernels_without_the_name_of_their_node_stand_behind_it(tmp_path: Path) -> None:
    before = {"cat": "Node", "name": "b_fence_before", "ts": 20, "dur": 0, "tid": 1}
    times = read(
        tmp_path,
        node_event("a", 1, 5, **ON_GPU),
        kernel_event("relu", 100, 30),
        before,
        kernel_event("copy", 130, 7),
        node_event("b", 21, 25, **ON_GPU),
        run_event(0, 600),
    )

    assert by_name(times) == {"a": [30], "b": [7]}


def test_a_kernel_of_no_node_is_a_row_of_its_own(tmp_path: Path) -> None:
    times = read(
        tmp_path,
        node_event("a", 1, 5, **ON_GPU),
        kernel_event("relu", 100, 30, "a_kernel_time"),
        run_event(0, 600),
        kernel_event("memcpy", 300, 8, "model_run"),
        node_event("a", 1001, 1005, **ON_GPU),
        kernel_event("relu", 1100, 40, "a_kernel_time"),
        run_event(1000, 1600),
    )

    assert by_name(times) == {"a": [30, 40], "(kernel) memcpy": [8, 0]}


@pytest.mark.parametrize("event", [{"ts": 1, "dur": "long"}, {"ts": float("nan")}, {"ts": True}, "text"])
def test_an_event_without_a_time_is_none(tmp_path: Path, event: object) -> None:
    assert by_name(read(tmp_path, event, node_event("a", 1, 5))) == {"a": [4]}
