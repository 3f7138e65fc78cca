"""Run models in a worker process and read values of theirs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HpassError, UsageError
from ..running.worker_process import worker

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Job:
    """A model to run, by the request of `running/request.py`, on the inputs in an .npz file, for some of its values."""

    request: Mapping[str, Any]
    inputs: Path
    values: Sequence[str]
    save: Path


def compute(jobs: Sequence[Job], *, required: bool = False) -> list[Arrays | None]:
    """Run the models one after the other and return the values of each; None for one that does not run.

    Values that are no tensors are left out. Raises HpassError if the worker ends without an answer or, if all models
    are required to run, for one that does not.
    """
    if not jobs:
        return []
    described = [
        {**job.request, "inputs": str(job.inputs), "values": list(job.values), "save": str(job.save)} for job in jobs
    ]
    failed: set[int] = set()
    ended = False
    with worker("comparing.values_worker", {"name": jobs[0].request["name"], "jobs": described}) as messages:
        for message in messages:
            if "failed" in message:
                if required:
                    raise HpassError(f"{jobs[message['failed']].request['name']}: {message['reason']}")
                failed.add(message["failed"])
            ended = ended or "done" in message
    if not ended:
        raise HpassError(f"{jobs[0].request['name']}: onnxruntime ended without an answer")
    return [None if index in failed else _load(job) for index, job in enumerate(jobs)]


def read_inputs(path: Path) -> Arrays:
    """Return the arrays of an .npz file by name. Raises UsageError if it is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise UsageError(f"{path}: is not an .npz file of tensors; `hpass inputs` writes one") from error


def save_arrays(path: Path, arrays: Sequence[npt.NDArray[Any]]) -> None:
    """Write arrays to an .npz file, to be read by their positions: a name in a model can be no name in a zip file."""
    np.savez(path, **{f"v{number}": array for number, array in enumerate(arrays)})


def _load(job: Job) -> Arrays:
    with np.load(job.save, allow_pickle=False) as arrays:
        return {job.values[int(key[1:])]: arrays[key] for key in arrays.files}
