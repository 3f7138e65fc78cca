"""Models from `FILE.py:FACTORY`."""

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
from .sample_inputs.signature import Inputs, bind


def build(reference: Factory) -> tuple[torch.nn.Module, Inputs | None]:
    """Run the factory; return its module and, where it gave any, the inputs by the names of `forward`.

    Inputs may be one tensor, a tuple of positional ones or a dict. Raises HpassError where the file or the
    factory fails, or returns something else.
    """
    with _importable(reference.file.resolve().parent):
        made = _made(reference)
    match made:
        case (torch.nn.Module() as module, inputs):
            return module, bind(module, inputs)
        case torch.nn.Module():
            return made, None
        case _:
            raise HpassError(
                f"{reference}: returned {type(made).__name__}; "
                "it must return a torch.nn.Module, or a module and its inputs"
            )


def _made(reference: Factory) -> object:
    # The file's own name, so that its classes have the class path its author expects.
    spec = importlib.util.spec_from_file_location(reference.file.stem, reference.file)
    if spec is None or spec.loader is None:
        raise HpassError(f"{reference.file}: not a Python file")
    namespace = importlib.util.module_from_spec(spec)
    previous = sys.modules.get(reference.file.stem)
    sys.modules[reference.file.stem] = namespace
    try:
        spec.loader.exec_module(namespace)
        factory = getattr(namespace, reference.name, None)
        if callable(factory):
            return cast("Callable[[], object]", factory)()
    except Exception as error:
        raise HpassError(f"{reference}: raised {_where(error, reference.file)}") from error
    finally:
        if previous is not None:
            sys.modules[reference.file.stem] = previous
    raise HpassError(f"{reference.file}: has no function {reference.name!r}")


def _where(error: Exception, file: Path) -> str:
    """Return the error in one line, with the last line of the user's own file that it passed through."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" + (f" (line {lines[-1]})" if lines else "")


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    """Let the file import its neighbours, as a script may."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
