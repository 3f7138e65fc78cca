"""Make inputs with which a model runs, and save them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import HpassError
from ..graph.files.transaction import Transaction
from ..graph.files.write_errors import translate_write_errors
from ..graph.model import Model
from .request import request_for
from .settings import SessionSettings
from .worker_process import worker


class InputTensor(NamedTuple):
    """The name, the element type in numpy's notation and the shape of an input."""

    name: str
    element: str
    shape: tuple[int, ...]


def make_inputs(model: Model, path: Path, sizes: Mapping[str, int], *, seed: int = 0) -> list[InputTensor]:
    """Write inputs with which the model runs to an .npz file and return what was written. `sizes` are by dimension.

    Indices are below the size of what they index, masks are ones, and dimensions of the same name have the same size.
    Another `seed` gives other numbers.

    Raises UsageError if a dimension does not exist, and HpassError if the model does not run or the file cannot be
    written.
    """
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        scratch = Path(folder)
        request = request_for(
            model.for_runtime(),
            name=model.name,
            folder=model.folder,
            scratch=scratch,
            settings=SessionSettings(),
            sizes=sizes,
        )
        saved = scratch / "inputs.npz"
        with worker("running.inputs_worker", request | {"save": str(saved), "seed": seed}) as messages:
            described = next(messages, None)
        if described is None:
            raise HpassError(f"{model.name}: onnxruntime ended without an answer")
        with translate_write_errors(path), Transaction(path) as transaction:
            transaction.write(path, lambda file: file.write(saved.read_bytes()))
    return [InputTensor(name, kind, tuple(shape)) for name, (kind, shape) in described["inputs"].items()]
