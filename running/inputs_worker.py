"""The worker of `running/inputs.py`: it opens the model, finds inputs with which it runs, and saves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .worker_side import Send, limit_time, open_session, request_inputs, serve


def answer(request: Mapping[str, Any], send: Send) -> None:
    """Save inputs to the request's `save` path and send their types and shapes. Raises ValueError if that fails."""
    limit_time(request["seconds"])
    inputs = request_inputs(request, open_session(request))
    for name, value in inputs.items():
        if not isinstance(value, np.ndarray):
            raise ValueError(f"the input '{name}' is no tensor, and an .npz file holds only tensors")  # noqa: TRY004
    np.savez(request["save"], **inputs)
    send({"inputs": {name: [str(value.dtype), list(value.shape)] for name, value in inputs.items()}})


if __name__ == "__main__":
    serve(answer)
