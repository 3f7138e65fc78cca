"""`hpass run`: tag models."""

from __future__ import annotations

from .dataclass_options import with_dataclass_options
from .run_options import RunOptions


@with_dataclass_options
def run(options: RunOptions) -> int:
    """Tag every node with its PyTorch module.

    The result of model.onnx is written to model.tagged.onnx in the same folder.
    """
    if options.several:
        from .batch import run_all

        return run_all(options)
    from .run_job import run_alone

    return run_alone(options)
