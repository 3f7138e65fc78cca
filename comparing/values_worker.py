"""The worker of `comparing/values.py`: it runs models and saves values of theirs."""

# onnxruntime has no types.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from ..graph.verify.runtime_worker import one_line
from ..running.worker_side import Send, limit_time, open_session, serve_each

_ELEMENTS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bfloat16)": ml_dtypes.bfloat16,
}


def answer(request: Mapping[str, Any], send: Send) -> None:
    """Run each job of the request and save the values; send the number of each that does not run, and why."""
    for number, job in enumerate(request["jobs"]):
        try:
            _run(job)
        except Exception as error:  # noqa: BLE001 - onnxruntime raises many types, and each of them is an answer
            send({"failed": number, "reason": one_line(error)})
    send({"done": len(request["jobs"])})


def _run(job: Mapping[str, Any]) -> None:
    limit_time(job["seconds"])
    session = open_session(job)
    outputs = {value.name for value in session.get_outputs()}
    wanted = [name for name in job["values"] if name in outputs]
    found = session.run(wanted, _inputs(job, session)) if wanted else []
    number_of = {name: number for number, name in enumerate(job["values"])}
    for name, value in zip(wanted, found, strict=True):
        if isinstance(value, np.ndarray):
            np.save(Path(job["save"], f"{number_of[name]}.npy"), value)


def _inputs(job: Mapping[str, Any], session: Any) -> dict[str, Any]:
    """Return the inputs by name or, if the names are others, by position; numbers take the type of the input."""
    paths = job["inputs"]
    inputs = session.get_inputs()
    names = [value.name for value in inputs]
    if not set(names) <= paths.keys():
        if len(names) != len(paths):
            raise ValueError(f"it has the inputs {', '.join(names)}, and there are values for {', '.join(paths)}")
        paths = dict(zip(names, paths.values(), strict=True))
    return {value.name: _as_type(np.load(paths[value.name], allow_pickle=False), value.type) for value in inputs}


def _as_type(value: Any, kind: str) -> Any:
    return value.astype(_ELEMENTS[kind], copy=False) if kind in _ELEMENTS else value


if __name__ == "__main__":
    serve_each(answer)
