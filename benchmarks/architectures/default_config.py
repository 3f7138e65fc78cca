"""Check whether a model also fails with the default config of its class, so that the small config is not the cause."""

from __future__ import annotations

import traceback
from typing import Any

import torch
import transformers

from hpass.errors import HpassError
from hpass.exporter.capture_output import captured_output
from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

_SourceLine = tuple[str, int]


def fails_with_defaults(model_class: Any, config_class: Any, error: Exception) -> bool:
    """Whether a model with the default config fails at the same line of transformers as `error`.

    It is built and run on the meta device, so that its size does not matter.
    """
    line = _innermost_line(error)
    if line is None:
        return False
    try:
        with captured_output(verbose=False), torch.device("meta"):
            model = model_class._from_config(config_class()).eval()  # noqa: SLF001 (a concrete class has no public function)
        candidates = list(sample_inputs(LoadedModel(model)))
    except Exception as other:  # noqa: BLE001 (a failure is a possible result)
        return _innermost_line(other) == line
    for inputs in candidates:
        try:
            with captured_output(verbose=False), torch.no_grad():
                model(**inputs)
        except Exception as other:  # noqa: BLE001 (as above)
            if _innermost_line(other) == line:
                return True
        else:
            return False
    return False


def _innermost_line(error: BaseException) -> _SourceLine | None:
    """Return the innermost line of transformers' models in the traceback of an error; None if there is none."""
    inner = error.__cause__ if isinstance(error, HpassError) else error
    folder = f"{transformers.__path__[0]}/models/"
    frames = traceback.extract_tb(None if inner is None else inner.__traceback__)
    return next(((f.filename, f.lineno or 0) for f in reversed(frames) if f.filename.startswith(folder)), None)
