"""The files of an export: large weights lie in a file of their own, and what they replace goes afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx_ir

from ..graph.files.transaction import Transaction
from ..graph.files.write_errors import refuse_to_write

# Protobuf ends at 2 GiB; larger weights go to a file beside the model, with room for the graph itself.
LARGEST_INLINE = 1 << 30


def stage_model(model: onnx_ir.Model, out: Path, folder: Path) -> None:
    """Write a model into a folder under OUT's name, with its weights beside it if they are large.

    The data file takes a name that no file beside OUT has, so that putting it there harms no older OUT. Raises
    HpassError if there is no room.
    """
    large = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    data: str | None = None
    if large > LARGEST_INLINE:
        data = f"{out.name}.data"
        number = 1
        while (out.parent / data).exists() or (folder / data).exists():
            number += 1
            data = f"{out.name}.{number}.data"
    with refuse_to_write(out):
        onnx_ir.save(model, folder / out.name, external_data=data)


def add_staged(transaction: Transaction, folder: Path, models: Sequence[Path]) -> list[Path]:
    """Add the files in a folder to a transaction: models, and before them the files of their data, which are returned.

    All go beside the models. Raises HpassError.
    """
    files = [path for path in folder.iterdir() if path.is_file()]
    data = [models[0].with_name(path.name) for path in files if path.name not in {model.name for model in models}]
    for path in data:
        transaction.move(folder / path.name, path, replace=False)
    for path in models:
        transaction.move(folder / path.name, path, replace=True)
    return data


def data_files(out: Path) -> list[Path]:
    """Return the data files of an earlier OUT that carry its name, so that nobody else's are touched."""
    candidates = [path for path in out.parent.glob(f"{out.name}*.data") if path.is_file()]
    if not candidates or not out.is_file():
        return []
    with contextlib.suppress(Exception):
        graph = onnx.load(str(out), load_external_data=False).graph
        named = {
            entry.value for tensor in graph.initializer for entry in tensor.external_data if entry.key == "location"
        }
        return [path for path in candidates if path.name in named]
    return []
