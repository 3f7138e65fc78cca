r"""Read what trtexec writes of an engine of TensorRT: the times of its layers, and what its layers are made of.

`--exportProfile` writes the times, in milliseconds and summed over the runs that `count` counts:

    [{"count": 300}, {"name": "Conv_0 + Relu_1", "timeMs": 6.6, "averageMs": 0.022, "medianMs": 0.021, ...}, ...]

`--exportLayerInfo` writes the layers, each a name or, with `--profilingVerbosity=detailed`, an object. Its metadata
names the ONNX nodes, with \x1f and \x1e between them:

    {"Layers": [{"Name": "conv", "LayerType": "CaskConvolution", "Outputs": [{"Name": "y", ...}],
                 "Metadata": "[ONNX Layer: Conv_0]\x1f[ONNX Layer: Relu_1]", ...}, ...], "Bindings": [...]}

TensorRT 11 has "I/O Tensors" in place of "Bindings"; the layers are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, cast

import numpy as np

from ..errors import HpassError
from .node_times import NodeSpan, NodeTimes, ProfiledNode
from .trace_json import read_trace_json

PROVIDER = "TensorRT"
_LAYERS = "Layers"
_US_PER_MS = 1000.0
_SEPARATORS = re.compile(r"[\x1e\x1f]|(?<=\])(?=\[ONNX Layer: )")
_MEMBER = re.compile(r"\[ONNX Layer: (.+)\]", re.DOTALL)


class Layer(NamedTuple):
    """A layer of an engine.

    members: the ONNX nodes that its metadata names.
    outputs: the values that it writes, which may be values of the ONNX file.
    """

    name: str
    kind: str
    members: tuple[str, ...]
    outputs: tuple[str, ...]


def is_trtexec_profile(data: object) -> TypeGuard[list[object]]:
    """Return whether the content of a JSON file is a profile of trtexec."""
    return isinstance(data, list) and any(_is_time(entry) for entry in cast("list[object]", data))


def has_layers(data: object) -> bool:
    """Return whether the content of a JSON file has the layers of an engine."""
    return _is_object(data) and _LAYERS in data


def trtexec_times(data: Sequence[object], path: Path) -> NodeTimes:
    """Return the times of layers in a profile of trtexec, as one run. Raises HpassError if it has no layer with a time.

    The time of a layer is the median over the runs; older versions of trtexec write only the average.
    """
    times = [(str(entry["name"]), _time_us(entry)) for entry in data if _is_time(entry)]
    if not any(us for _, us in times):
        raise HpassError(f"{path}: no layer took any time; run trtexec with --separateProfileRun")
    ends = np.cumsum([us for _, us in times])
    counts = [entry["count"] for entry in data if _is_object(entry) and _is_count(entry.get("count"))]
    return NodeTimes(
        nodes=[ProfiledNode(name, "", PROVIDER) for name, _ in times],
        times_us=np.array([[us for _, us in times]]),
        calls=[1] * len(times),
        output_bytes=[0] * len(times),
        resolution_us=0.0,
        timeline=[
            NodeSpan(float(end) - us, float(end), index)
            for index, (end, (_, us)) in enumerate(zip(ends, times, strict=True))
        ],
        summarised_runs=counts[0] if counts else None,
    )


def read_layers(path: Path) -> list[Layer]:
    """Return the layers in a file of `--exportLayerInfo`. Raises HpassError if it is none."""
    data = read_trace_json(path, "what trtexec --exportLayerInfo wrote")
    entries = data.get(_LAYERS) if _is_object(data) else None
    if not isinstance(entries, list):
        raise HpassError(f"{path}: has no layers; name what trtexec --exportLayerInfo wrote")
    return [_layer(entry) for entry in cast("list[object]", entries)]


def _layer(entry: object) -> Layer:
    if not _is_object(entry):
        return Layer(str(entry), "", (), ())
    outputs = entry.get("Outputs")
    listed = cast("list[object]", outputs) if isinstance(outputs, list) else []
    return Layer(
        str(entry.get("Name", "")),
        str(entry.get("LayerType", "")),
        tuple(_members(str(entry.get("Metadata", "")))),
        tuple(str(output.get("Name", "")) for output in listed if _is_object(output)),
    )


def _members(metadata: str) -> Iterator[str]:
    for part in _SEPARATORS.split(metadata):
        if found := _MEMBER.search(part):
            yield found[1]


def _time_us(entry: Mapping[str, Any]) -> float:
    median = entry.get("medianMs")
    return float(median if _is_number(median) else entry["averageMs"]) * _US_PER_MS


def _is_time(entry: object) -> TypeGuard[Mapping[str, Any]]:
    return _is_object(entry) and isinstance(entry.get("name"), str) and _is_number(entry.get("averageMs"))


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, dict)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
