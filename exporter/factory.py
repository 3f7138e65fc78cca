"""Build models from `FILE.py:FACTORY`."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch

from ..errors import HpassError
from .capture_output import describe_error
from .model_spec import Factory
from .sample_inputs.signature import Inputs, bind_inputs


def build_from_factory(factory: Factory) -> tuple[torch.nn.Module, Inputs | None]:
    """Call a factory. Return its module in evaluation mode, and its inputs by the names of `forward`, None if none.

    The factory may return its inputs as one tensor, a tuple of positional inputs or a dict. Raises HpassError if the
    file, the factory or its module fails, or if the factory returns something else.
    """
    try:
        with _on_import_path(factory.file.resolve().parent):
            return _module_and_inputs(factory, _call_factory(factory))
    except (HpassError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # Also SystemExit, which would end hpass with an exit code of the file's choice.
        raise HpassError(f"{factory}: raised {describe_error(error)}{_line(error, factory.file)}") from error


def _call_factory(factory: Factory) -> object:
    # The module has the file's name, so that the qualified names of its classes are those the author expects.
    spec = importlib.util.spec_from_file_location(factory.file.stem, factory.file)
    if spec is None or spec.loader is None:
        raise HpassError(f"{factory.file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    previous = sys.modules.get(factory.file.stem)
    sys.modules[factory.file.stem] = module
    try:
        spec.loader.exec_module(module)
        function = getattr(module, factory.name, None)
        if callable(function):
            return cast("Callable[[], object]", function)()
    finally:
        if previous is not None:
            sys.modules[factory.file.stem] = previous
    raise HpassError(f"{factory.file}: has no function {factory.name!r}")


def _module_and_inputs(factory: Factory, result: object) -> tuple[torch.nn.Module, Inputs | None]:
    match result:
        case (torch.nn.Module() as module, inputs):
            return module.eval(), bind_inputs(module, inputs)
        case torch.nn.Module():
            return result.eval(), None
        case _:
            raise HpassError(
                f"{factory}: returned {type(result).__name__}; "
                "it must return a torch.nn.Module, or a module and its inputs"
            )


def _line(error: BaseException, file: Path) -> str:
    """Return the innermost line of the user's file in a traceback, as a suffix; empty if there is none."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    return f" (line {lines[-1]})" if lines else ""


@contextmanager
def _on_import_path(folder: Path) -> Generator[None]:
    """Add a folder to the import path, so that the file can import its neighbours like a script."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
