"""Read a trace, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx

from ..errors import HpassError, UsageError
from .node_times import NodeTimes, ProfiledNode
from .openvino_trace import read_openvino_trace
from .ort_trace import KIND, ort_times
from .tensorrt_names import TensorRTNames
from .trace_json import read_trace_json
from .trtexec_trace import PROVIDER, Layer, has_layers, is_trtexec_profile, read_layers, trtexec_times


def read_trace(path: Path, *, skipped_runs: int = 0) -> NodeTimes:
    """Return the times of nodes in a trace.

    A trace is a profile of onnxruntime or of trtexec (JSON), or an executable graph of OpenVINO (XML). The first
    `skipped_runs` runs of a profile of onnxruntime are left out; the others do not tell runs apart.

    Raises UsageError if runs cannot be left out, and HpassError if the file is no trace.
    """
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise HpassError(f"{path}: cannot be read ({error.strerror})") from error
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        times = read_openvino_trace(path)
    else:
        data = read_trace_json(path, f"{KIND} or trtexec")
        if has_layers(data):
            raise HpassError(
                f"{path}: has the layers of an engine, but no times; name what trtexec --exportProfile wrote as the "
                "trace, and this file as the optimised model"
            )
        if not is_trtexec_profile(data):
            return ort_times(data, path, skipped_runs=skipped_runs)
        times = trtexec_times(data, path)
    if skipped_runs:
        raise UsageError(f"{path}: has one time for each layer, not one for each run; leave out the warm-up runs")
    return times


def is_of_tensorrt(times: NodeTimes) -> bool:
    """Return whether times are those of trtexec."""
    return any(node.provider == PROVIDER for node in times.nodes)


def with_tensorrt_nodes(times: NodeTimes, model: onnx.ModelProto, information: Path | None) -> NodeTimes:
    """Return times with the ONNX nodes that each layer is made of. `information` is a file of `--exportLayerInfo`.

    Raises HpassError if `information` is no such file.
    """
    names = TensorRTNames(model)
    # Layers may have the same name; they are in the same order in both files.
    layers: dict[str, list[Layer]] = {}
    for layer in reversed(read_layers(information) if information is not None else []):
        layers.setdefault(layer.name, []).append(layer)
    nodes: list[ProfiledNode] = []
    originals: list[list[str]] = []
    for node in times.nodes:
        alike = layers.get(node.name, [])
        layer = (alike.pop() if len(alike) > 1 else alike[0]) if alike else None
        nodes.append(node if layer is None else node._replace(operator=layer.kind))
        originals.append(names.nodes_of(node.name, layer))
    return replace(times, nodes=nodes, originals=originals)
