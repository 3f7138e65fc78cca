"""The module table of a reference, without weights: for files that were exported elsewhere."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from .calls import recorded_calls
from .load import fitting_inputs, outline
from .options import Options
from .quiet import reported
from .table import build_table


def module_table(
    reference: str, *, task: str | None = None, class_name: str | None = None, trust_remote_code: bool = False
) -> dict[str, Any]:
    """Return the module table (JSON form) of what a MODEL argument names, built on the meta device.

    No weights are read or made. Which modules are called, and in which order, comes from a run on the meta
    device; a model that looks at values stops such a run, and what it has not reached by then is left open.
    Raises HpassError where the reference cannot be built.
    """
    options = Options(task=task, class_name=class_name, trust_remote_code=trust_remote_code)
    with reported(verbose=False):
        loaded = outline(reference, options)
        complete = False
        with recorded_calls(loaded.model) as calls, contextlib.suppress(Exception), torch.no_grad():
            inputs = fitting_inputs(loaded, ())
            calls.clear()
            loaded.model(**inputs)
            complete = True
    return build_table(loaded.model, calls, complete=complete)
