"""Whether a model fails with the defaults of its own config class too: then the small config is not what breaks it."""

from __future__ import annotations

import traceback
from typing import Any

import torch
import transformers

from hpass.errors import HpassError
from hpass.exporter.capture_output import captured_output
from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

_Place = tuple[str, int]


def fails_by_default(made: Any, config_class: Any, error: Exception) -> bool:
    """Whether the model of the class's default config fails at the same line of transformers as `error` did.

    It is built and run on the meta device, where no size matters.
    """
    place = _place(error)
    if place is None:
        return False
    try:
        with captured_output(verbose=False), torch.device("meta"):
            model = made._from_config(config_class()).eval()  # noqa: SLF001 (a concrete class has no other)
        candidates = list(sample_inputs(LoadedModel(model)))
    except Exception as other:  # noqa: BLE001 (that it fails is the question)
        return _place(other) == place
    for inputs in candidates:
        try:
            with captured_output(verbose=False), torch.no_grad():
                model(**inputs)
        except Exception as other:  # noqa: BLE001 (as above)
            if _place(other) == place:
                return True
        else:
            return False
    return False


def _place(error: BaseException) -> _Place | None:
    """Return the innermost line of transformers' models that an error passed through, None where there is none."""
    inner = error.__cause__ if isinstance(error, HpassError) else error
    folder = f"{transformers.__path__[0]}/models/"
    frames = traceback.extract_tb(None if inner is None else inner.__traceback__)
    return next(((f.filename, f.lineno or 0) for f in reversed(frames) if f.filename.startswith(folder)), None)
