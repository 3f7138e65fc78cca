"""Record what the modules of a PyTorch model read and write while it runs."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils import _pytree as pytree

from ..errors import HpassError
from .call_recorder import record_calls
from .capture_output import captured_output, describe_error
from .export_options import Options
from .load import load
from .module_classes import build_module_table
from .sample_inputs.input_sources import first_that_runs, sample_inputs
from .sample_inputs.signature import Inputs, forward_parameters


class RecordedCall(NamedTuple):
    """The files of the tensors that a module read and wrote in one call, each in the order of its arguments."""

    reads: Sequence[Path]
    writes: Sequence[Path]


@dataclass(frozen=True)
class Recording:
    """A run of a PyTorch model.

    inputs: the files of its input tensors by name.
    calls: the calls of each module, in order, by its name; the root has the empty name.
    table: its module table in JSON.
    """

    inputs: Mapping[str, Path]
    calls: Mapping[str, Sequence[RecordedCall]]
    table: dict[str, Any] = field(repr=False)


class _Writer:
    """Writes tensors to files of a folder, each once for one state of its memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[tuple[int, int, tuple[int, ...]], tuple[torch.Tensor, Path]] = {}
        self._count = 0

    def write(self, values: object) -> list[Path]:
        """Return the files of all tensors in a structure of tuples, lists and dicts."""
        return [self._file(value) for value in pytree.tree_leaves(values) if isinstance(value, torch.Tensor)]

    def _file(self, tensor: torch.Tensor) -> Path:
        # The tensor is kept, so that no other one gets its place in memory.
        key = (id(tensor), tensor._version, tuple(tensor.shape))  # noqa: SLF001 - counts changes in place
        if key not in self._written:
            path = self._folder / f"{self._count}.npy"
            self._count += 1
            value = tensor.detach().cpu()
            np.save(path, (value.float() if value.dtype == torch.bfloat16 else value).numpy())
            self._written[key] = tensor, path
        return self._written[key][1]


def record_values(model_spec: str, folder: Path, given: Mapping[str, npt.NDArray[Any]] | None = None) -> Recording:
    """Run the model of a MODEL argument and record its modules in files of a folder.

    `given` are inputs by the names of `forward` or, if the names are others, in order; without them, inputs are those
    of the factory, or generated. Raises HpassError and UsageError as `export` does.
    """
    with captured_output(verbose=False):
        loaded = load(model_spec, Options())
        model = loaded.model
        inputs = _as_inputs(model, given) if given is not None else first_that_runs(model, sample_inputs(loaded))
        writer = _Writer(folder)
        try:
            with torch.no_grad(), record_calls(model) as order, _record(model, writer) as calls:
                model(**copy.deepcopy(inputs))
        except Exception as error:
            raise HpassError(f"{model_spec}: does not run with these inputs: {describe_error(error)}") from error
        files = {name: path for name, value in inputs.items() for path in writer.write(value)[:1]}
    return Recording(files, calls, build_module_table(model, order, same_run=True))


def _as_inputs(model: torch.nn.Module, given: Mapping[str, npt.NDArray[Any]]) -> Inputs:
    parameters = forward_parameters(model)
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in given.items()}
    if tensors.keys() <= parameters.keys():
        return dict(tensors)
    return dict(zip(parameters, tensors.values(), strict=False))


@contextmanager
def _record(model: torch.nn.Module, writer: _Writer) -> Generator[dict[str, list[RecordedCall]]]:
    calls: dict[str, list[RecordedCall]] = {}

    def before(name: str) -> Callable[..., None]:
        def hook(_module: torch.nn.Module, args: Any, kwargs: Any) -> None:
            calls.setdefault(name, []).append(RecordedCall(writer.write((args, kwargs)), []))

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(_module: torch.nn.Module, _args: Any, result: Any) -> None:
            open_call = next(index for index, call in reversed(list(enumerate(calls[name]))) if not call.writes)
            calls[name][open_call] = calls[name][open_call]._replace(writes=writer.write(result))

        return hook

    handles = [
        handle
        for name, module in model.named_modules()
        for handle in (
            module.register_forward_pre_hook(before(name), with_kwargs=True),
            module.register_forward_hook(after(name)),
        )
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
