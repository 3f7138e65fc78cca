"""Run models in a worker process and read values of theirs."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HpassError, UsageError
from ..running.worker_process import Message, lasting_worker


class Values(Mapping[str, npt.NDArray[Any]]):
    """Tensors by name, each in a file. One is mapped into memory when it is asked for, and not kept."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        path = self.paths[name]
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:
            # An array without elements cannot be mapped.
            return np.load(path, allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __or__(self, other: Values) -> Values:
        return Values({**self.paths, **other.paths})


@dataclass(frozen=True)
class Job:
    """A model to run, by the request of `running/request.py`, on the inputs in files, for some of its values.

    The values are saved in the folder `save`.
    """

    request: Mapping[str, Any]
    inputs: Values
    values: Sequence[str]
    save: Path

    def remove(self) -> None:
        """Delete the files of the job."""
        shutil.rmtree(self.save, ignore_errors=True)


Compute = Callable[[Sequence[Job]], list["Values | str"]]
"""Runs models one after the other and returns the values of each; for one that does not run, the reason.

Values that are no tensors are left out. Raises HpassError if the worker ends.
"""


@contextmanager
def computing() -> Generator[Compute]:
    """Start a worker that runs models, and yield the function that lets it run some."""
    with lasting_worker("comparing.values_worker") as ask:
        yield lambda jobs: _compute(ask, jobs)


def _compute(ask: Callable[[Mapping[str, Any]], Iterator[Message]], jobs: Sequence[Job]) -> list[Values | str]:
    if not jobs:
        return []
    described = [
        {
            **job.request,
            "inputs": {name: str(path) for name, path in job.inputs.paths.items()},
            "values": list(job.values),
            "save": str(job.save),
        }
        for job in jobs
    ]
    failed: dict[int, str] = {}
    ended = False
    for message in ask({"name": jobs[0].request["name"], "jobs": described}):
        if "failed" in message:
            failed[message["failed"]] = message["reason"]
        ended = ended or "done" in message
    if not ended:
        raise HpassError(f"{jobs[0].request['name']}: onnxruntime ended without an answer")
    return [failed.get(index) or _saved(job) for index, job in enumerate(jobs)]


def read_inputs(path: Path, folder: Path) -> Values:
    """Copy the arrays of an .npz file into files in a folder, and return them. Raises UsageError if it is none."""
    paths: dict[str, Path] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                paths[name] = value_path(folder, len(paths))
                np.save(paths[name], arrays[name])
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise UsageError(f"{path}: is not an .npz file of tensors; `hpass inputs` writes one") from error
    return Values(paths)


def value_path(folder: Path, number: int) -> Path:
    """Return the file of a value by its number: a name in a model can be no name of a file."""
    return folder / f"{number}.npy"


def _saved(job: Job) -> Values:
    paths = {name: value_path(job.save, number) for number, name in enumerate(job.values)}
    return Values({name: path for name, path in paths.items() if path.exists()})
