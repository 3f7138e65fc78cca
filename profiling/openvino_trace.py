"""Read the executable graph that OpenVINO writes, with the time of each layer.

    <layer name="node_MatMul_12" type="FullyConnected">
      <data execTimeMcs="36" originalLayersNames="node_MatMul_12,node_linear_3" primitiveType="gemm_f32" ...>

A time is the average of the runs, in whole microseconds. `originalLayersNames` has the nodes of the ONNX file that the
layer replaced, by name; a node without a name is called after the value that it writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from ..errors import HpassError
from ..graph.files.limited_read import read_file
from .node_times import NodeSpan, NodeTimes, ProfiledNode

_MAX_BYTES = 1 << 30
_PROVIDER = "OpenVINO"
_RESOLUTION_US = 1.0


@dataclass
class _Layers:
    """The layers that ran: their names and types, the time in microseconds and the original nodes."""

    nodes: list[ProfiledNode] = field(default_factory=list[ProfiledNode])
    times: list[float] = field(default_factory=list[float])
    originals: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    _layer: dict[str, str] = field(default_factory=dict[str, str])

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        if element == "layer":
            self._layer = attributes
        time = attributes.get("execTimeMcs", "")
        # A layer that was folded has the text `not_executed`.
        if element == "data" and time.isdecimal():
            self.nodes.append(ProfiledNode(self._layer.get("name", ""), self._layer.get("type", ""), _PROVIDER))
            self.times.append(float(time))
            self.originals.append(tuple(filter(None, attributes.get("originalLayersNames", "").split(","))))


def read_openvino_trace(path: Path) -> NodeTimes:
    """Return the times of layers in an executable graph, as one run. Raises HpassError if the file is none."""
    layers = _Layers()
    parser = expat.ParserCreate()
    parser.StartElementHandler = layers.start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        content = read_file(path, _MAX_BYTES)
        if content is None:
            raise HpassError(f"{path}: more than {_MAX_BYTES:,} bytes; is it an executable graph of OpenVINO?")
        parser.Parse(bytes(content), True)
    except OSError as error:
        raise HpassError(f"{path}: cannot be read ({error.strerror})") from error
    except (expat.ExpatError, _DoctypeError) as error:
        raise HpassError(f"{path}: is not an executable graph of OpenVINO ({error})") from error
    if not layers.nodes:
        raise HpassError(f"{path}: has no layer with a time (execTimeMcs); run OpenVINO with PERF_COUNT=YES")
    ends = np.cumsum(layers.times)
    return NodeTimes(
        layers.nodes,
        np.array([layers.times]),
        [1] * len(layers.nodes),
        [0] * len(layers.nodes),
        _RESOLUTION_US,
        [
            NodeSpan(float(end) - time, float(end), i)
            for i, (end, time) in enumerate(zip(ends, layers.times, strict=True))
        ],
        layers.originals,
    )


class _DoctypeError(Exception):
    """The file has a document type, which no executable graph has and which may define entities without end."""


def _refuse_doctype(*_: object) -> None:
    raise _DoctypeError("it has a document type")
