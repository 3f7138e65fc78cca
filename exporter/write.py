"""Write the files of an export. Large weights are external data."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx_ir

from ..graph.files.transaction import Transaction
from ..graph.files.write_errors import translate_write_errors

# Larger weights are external data. Protobuf's limit is 2 GiB, which must include the graph.
MAX_INLINE_BYTES = 1 << 30


def stage_model(model: onnx_ir.Model, out: Path, folder: Path) -> None:
    """Write a model to a folder under OUT's name, with large weights as external data.

    The data file has a name that no file beside OUT has, so that an older OUT keeps its data. Raises HpassError if a
    file cannot be written.
    """
    large = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    data: str | None = None
    if large > MAX_INLINE_BYTES:
        data = f"{out.name}.data"
        number = 1
        while (out.parent / data).exists() or (folder / data).exists():
            number += 1
            data = f"{out.name}.{number}.data"
    with translate_write_errors(out):
        onnx_ir.save(model, folder / out.name, external_data=data)


def add_staged(transaction: Transaction, folder: Path, models: Sequence[Path]) -> list[Path]:
    """Add the files in a folder to a transaction, their data files first. Return the data files.

    All files are moved to the folder of the models. Raises HpassError if that fails.
    """
    files = [path for path in folder.iterdir() if path.is_file()]
    data = [models[0].with_name(path.name) for path in files if path.name not in {model.name for model in models}]
    for path in data:
        transaction.move(folder / path.name, path, replace=False)
    for path in models:
        transaction.move(folder / path.name, path, replace=True)
    return data


def data_files(out: Path) -> list[Path]:
    """Return the data files of an earlier OUT whose names start with its name, which excludes those of other models."""
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
