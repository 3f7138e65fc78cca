"""Read the JSON of a trace."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import HpassError
from ..graph.files.limited_read import read_file

# onnxruntime stops after 1,000,000 events, which take about 800 MB.
_MAX_BYTES = 2 << 30


def read_trace_json(path: Path, kind: str) -> object:
    """Return the content of a JSON file; `kind` is what messages say it should be. Raises HpassError if it is none.

    Control characters may stand in strings: trtexec writes the names of layers as they are.
    """
    try:
        content = read_file(path, _MAX_BYTES)
        data: object = None if content is None else json.loads(content, strict=False)
    except OSError as error:
        raise HpassError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise HpassError(f"{path}: is not JSON ({error}); name {kind}") from error
    if content is None:
        raise HpassError(f"{path}: more than {_MAX_BYTES:,} bytes; profile fewer runs")
    return data
