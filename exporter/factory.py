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
from .model_spec import Factory
from .sample_inputs.signature import Inputs, bind_inputs


def build_from_factory(factory: Factory) -> tuple[torch.nn.Module, Inputs | None]:
    """Call a factory. Return its module, and its inputs by the names of `forward` (None if it returns a module only).

    The factory may return its inputs as one tensor, a tuple of positional inputs or a dict. Raises HpassError if the
    file or the factory fails, or if the factory returns something else.
    """
    with _on_import_path(factory.file.resolve().parent):
        result = _call_factory(factory)
    match result:
        case (torch.nn.Module() as module, inputs):
            return module, bind_inputs(module, inputs)
        case torch.nn.Module():
            return result, None
        case _:
            raise HpassError(
                f"{factory}: returned {type(result).__name__}; "
                "it must return a torch.nn.Module, or a module and its inputs"
            )


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
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Also SystemExit, which would end hpass with an exit code of the file's choice.
        raise HpassError(f"{factory}: raised {_describe_error(error, factory.file)}") from error
    finally:
        if previous is not None:
            sys.modules[factory.file.stem] = previous
    raise HpassError(f"{factory.file}: has no function {factory.name!r}")


def _describe_error(error: BaseException, file: Path) -> str:
    """Return an error in one line, with the number of the innermost line of the user's file in its traceback."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")


@contextmanager
def _on_import_path(folder: Path) -> Generator[None]:
    """Add a folder to the import path, so that the file can import its neighbours like a script."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
