"""The worker process of child_process.py: it runs a model, or tells the types of its outputs."""

# onnxruntime has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..running.worker_side import Send, limit_time, open_session, request_inputs, serve
from .npz import npz_bytes


def answer(request: Mapping[str, Any], send: Send) -> None:
    """Open the model, run it if values are asked for, and send the types of its outputs.

    Raises TypeError if a value is no tensor, and what onnxruntime raises.
    """
    limit_time(request["seconds"])
    session = open_session(request)
    if request["values"]:
        values = session.run(request["values"], request_inputs(request, session))
        named = dict(zip(request["values"], values, strict=True))
        others = [name for name, value in named.items() if not isinstance(value, np.ndarray)]
        if others:
            raise TypeError(f"the value '{others[0]}' is no tensor and cannot be recorded")
        Path(request["results"]).write_bytes(npz_bytes(named))
    send({"types": {output.name: [output.type, output.shape] for output in session.get_outputs()}})


if __name__ == "__main__":
    serve(answer)
