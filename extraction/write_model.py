"""Write an extracted model, with the external data that it needs and no more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import onnx
from onnx import TensorProto

from ..errors import HpassError, quoted
from ..graph.decode import as_pairs, as_text
from ..graph.files import model_file
from ..graph.files.transaction import Transaction
from ..graph.walk import all_tensors

# Readers can map a tensor into memory if it begins at a page.
_ALIGNMENT_BYTES = 4096
_CHUNK_BYTES = 1 << 22


class _Range(NamedTuple):
    """A part of an external file, and where it goes in the new one, in bytes."""

    source: Path
    offset: int
    length: int
    target_offset: int


def data_path(target: Path) -> Path:
    """Return the path of the external data of an extracted model."""
    return target.with_name(f"{target.name}.data")


def has_external_data(model: onnx.ModelProto) -> bool:
    """Whether a model names external data."""
    return bool(model_file.external_files(model))


def write_model(transaction: Transaction, target: Path, model: onnx.ModelProto, folder: Path) -> None:
    """Add an extracted model to a transaction. Its external data is copied from `folder` into one file beside it.

    Raises HpassError if another file has the name of the external data, or if a file cannot be read or written.
    """
    ranges = _relocate(model, folder, data_path(target).name)
    if ranges:
        data = data_path(target)
        if data.exists() and data.name not in _external_files_of(target):
            raise HpassError(
                f"{data}: exists, but is the name of the model's external data; remove it, or choose another name"
            )
        transaction.write(data, partial(_copy_ranges, ranges))
    transaction.write(target, partial(model_file.write, model))


def _relocate(model: onnx.ModelProto, folder: Path, name: str) -> list[_Range]:
    """Let the external tensors of a model name their places in a new file, and return where their data is now."""
    known: dict[tuple[str, int, int], _Range] = {}
    end = 0
    for tensor in all_tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        try:
            location, offset = model_file.external_position(tensor)
            length = _length(tensor, folder / location, offset)
        except ValueError as error:
            raise _bad_place(tensor) from error
        if offset < 0 or length < 0:
            raise _bad_place(tensor)
        part = known.get((location, offset, length))
        if part is None:
            start = -(-end // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
            part = known[location, offset, length] = _Range(folder / location, offset, length, start)
            end = start + length
        del tensor.external_data[:]
        for key, value in (("location", name), ("offset", part.target_offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
    return list(known.values())


def _bad_place(tensor: TensorProto) -> HpassError:
    name = quoted(as_text(tensor.name))
    return HpassError(f"the external data of {name} has no valid place in its file; export the model again")


def _length(tensor: TensorProto, path: Path, offset: int) -> int:
    declared = dict(as_pairs(tensor.external_data)).get("length")
    return int(declared) if declared else path.stat().st_size - offset


def _copy_ranges(ranges: Sequence[_Range], target: BinaryIO) -> None:
    for part in ranges:
        target.seek(part.target_offset)
        with part.source.open("rb") as source:
            source.seek(part.offset)
            left = part.length
            while left:
                data = source.read(min(left, _CHUNK_BYTES))
                if not data:
                    raise HpassError(f"{part.source}: is shorter than the model says; export the model again")
                target.write(data)
                left -= len(data)


def _external_files_of(path: Path) -> list[str]:
    """Return the external files of the model at a path; none if there is no model."""
    try:
        return model_file.external_files(model_file.read(path).proto) if path.is_file() else []
    except HpassError:
        return []
