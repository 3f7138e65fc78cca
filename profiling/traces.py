"""Read a trace, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

from ..errors import HpassError
from .node_times import NodeTimes
from .openvino_trace import read_openvino_trace
from .ort_trace import read_ort_trace


def read_trace(path: Path, *, skipped_runs: int = 0) -> NodeTimes:
    """Return the times of nodes in a profile of onnxruntime (JSON) or an executable graph of OpenVINO (XML).

    The first `skipped_runs` runs of a profile are left out; an executable graph has only the average of its runs.
    Raises HpassError if the file is neither.
    """
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise HpassError(f"{path}: cannot be read ({error.strerror})") from error
    is_xml = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return read_openvino_trace(path) if is_xml else read_ort_trace(path, skipped_runs=skipped_runs)
