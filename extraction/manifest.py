"""The manifest of a chain of stages: the file of each stage, and where its inputs come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import HpassError
from ..graph.decode import as_text
from .preparation import Preparation
from .stages import Stage

SCHEMA = 1
FILE_NAME = "manifest.json"


def stage_file(number: int, stage: Stage) -> str:
    """Return the name of the file of a stage: `03-encoder.onnx`, `00-root.onnx`."""
    name = stage.scopes[0] or "root" if len(stage.scopes) == 1 else "several"
    call = "" if stage.call is None else f".call{stage.call}"
    return f"{number:02}-{file_name(name)}{call}.onnx"


def file_name(scope: str) -> str:
    """Return a scope as the name of a file; what file systems do not take everywhere becomes `_`."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in scope) or "root"


def manifest(model: str, preparation: Preparation, stages: Sequence[Stage]) -> dict[str, Any]:
    """Return the manifest as a JSON-serialisable dictionary.

    Raises HpassError if an output of the model is a weight or the input itself, which no stage computes.
    """
    writers = {name: number for number, stage in enumerate(stages) for name in stage.piece.outputs}
    main = preparation.flow.graphs[0]
    inputs = [as_text(value.name) for value in main.input if value.name not in preparation.flow.weights]
    missing = [
        as_text(name) for name in preparation.flow.outputs if name not in writers and as_text(name) not in inputs
    ]
    if missing:
        raise HpassError(f"{model}: the output '{missing[0]}' is a weight, which no stage can compute")
    return {
        "schema": SCHEMA,
        "model": model,
        "inputs": inputs,
        "outputs": [_source(name, writers) for name in preparation.flow.outputs],
        "stages": [
            {
                "file": stage_file(number, stage),
                "scopes": list(stage.scopes),
                "call": stage.call,
                "nodes": len(stage.piece.nodes),
                "copied": len(stage.piece.copies),
                "inputs": [_source(name, writers) for name in stage.piece.inputs],
                "outputs": [as_text(name) for name in stage.piece.outputs],
            }
            for number, stage in enumerate(stages)
        ],
    }


def _source(name: str, writers: dict[str, int]) -> dict[str, Any]:
    """Return a value with the stage that writes it; null if it is an input of the model."""
    return {"name": as_text(name), "stage": writers.get(name)}
