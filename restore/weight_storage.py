"""Weights that stay in their file: in a model, in its external data, or in a checkpoint.

The elements are memory-mapped if the file allows it, so only those that are compared are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, cast

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
from onnx.external_data_helper import uses_external_data

from ..errors import HpassError, UsageError
from ..graph.files.model_file import external_position
from ..graph.files.source_file import SourceFile
from ..graph.files.wire import byte_count
from ..graph.lazy_values import DenseValues, element_type
from ..graph.model import Model

# The safetensors format (https://huggingface.co/docs/safetensors): the length of the header in 8 bytes, little-endian;
# the header in JSON, of at most 100 MB; the data.
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
_DTYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


@dataclass(frozen=True, slots=True)
class FileElements:
    """Elements of one type in a model file, from a position in bytes."""

    file: SourceFile
    start: int
    count: int
    dtype: np.dtype[Any]

    def load(self) -> npt.NDArray[Any]:
        """Return all elements. Raises HpassError if the file has changed."""
        return np.frombuffer(self.file.read(self.start, self.start + self.count * self.dtype.itemsize), self.dtype)

    def at(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the elements at indices, in the shape of the indices. Raises HpassError if the file has changed."""
        size = self.dtype.itemsize
        starts = (self.start + size * indices.reshape(-1)).tolist()
        data = b"".join(self.file.read(start, start + size) for start in starts)
        return np.frombuffer(data, self.dtype).reshape(indices.shape)


class StoredWeight(NamedTuple):
    """A weight: its name, its shape, and where its elements are, in C order."""

    name: str
    shape: tuple[int, ...]
    values: npt.NDArray[Any] | FileElements | DenseValues

    def elements(self) -> npt.NDArray[Any]:
        """Return all elements in C order, one-dimensional: a view of the file if it is memory-mapped."""
        return self.values if isinstance(self.values, np.ndarray) else self.values.load().reshape(-1)

    def at(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the elements at indices in C order, in the shape of the indices. Others are not read if possible."""
        return self.values.at(indices) if isinstance(self.values, FileElements) else self.elements()[indices]


def model_weights(model: Model) -> Iterator[StoredWeight]:
    """Yield the initializers of the main graph that numpy can hold. Elements in files and in raw data are not read.

    Raises HpassError if a file of external data is too short for them.
    """
    placeholders = model.placeholders
    for name, tensor in model.initializers(model.graph):
        dtype = cast("np.dtype[Any] | int", element_type(tensor.data_type))
        if isinstance(dtype, int) or dtype.kind in "OSU":
            continue
        shape = tuple(tensor.dims)
        if any(length < 0 for length in shape):
            continue
        size = prod(shape) * dtype.itemsize
        values = DenseValues(tensor, model.storage)
        if uses_external_data(tensor):
            if model.folder is not None:
                yield StoredWeight(name, shape, _external_elements(name, tensor, dtype, model))
        elif placeholders is not None and (found := placeholders.raw_range(tensor)) is not None:
            if byte_count(found) == size:
                yield StoredWeight(name, shape, FileElements(placeholders.file, found.start, prod(shape), dtype))
        elif tensor.HasField("raw_data") and len(tensor.raw_data) == size:
            yield StoredWeight(name, shape, np.frombuffer(tensor.raw_data, dtype))
        elif _is_readable(values):
            yield StoredWeight(name, shape, values)


def checkpoint_weights(path: Path) -> list[StoredWeight]:
    """Return the weights of a `.safetensors` file whose element type numpy has.

    Raises UsageError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
        data = np.memmap(path, np.uint8, "r", offset=_LENGTH_BYTES + length)
        return [
            _checkpoint_weight(name, entry, data)
            for name, entry in header.items()
            if name != "__metadata__" and entry["dtype"] in _DTYPES
        ]
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except RecursionError as error:
        raise UsageError(f"{path}: not a safetensors checkpoint (its header is nested too deeply)") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not a safetensors checkpoint, or cut off ({error})") from error


def _checkpoint_weight(name: str, entry: Mapping[str, Any], data: npt.NDArray[np.uint8]) -> StoredWeight:
    shape = tuple(entry["shape"])
    elements = data[slice(*entry["data_offsets"])].view(_DTYPES[entry["dtype"]])
    if not all(type(length) is int and length >= 0 for length in shape) or prod(shape) != len(elements):
        raise ValueError(f"'{name}' has not the elements of its shape")
    return StoredWeight(name, shape, elements)


def _external_elements(name: str, tensor: onnx.TensorProto, dtype: np.dtype[Any], model: Model) -> npt.NDArray[Any]:
    """Map the elements of a tensor of a model that has a folder. Raises HpassError if they are not there."""
    try:
        location, offset = external_position(tensor)
        return np.memmap((model.folder or Path()) / location, dtype, "r", offset=offset, shape=(prod(tensor.dims),))
    except (OSError, ValueError, OverflowError) as error:
        raise HpassError(f"{model.name}: the external data of '{name}' cannot be read ({error})") from error


def _is_readable(values: DenseValues) -> bool:
    """Whether a tensor has as many elements as its shape says."""
    try:
        values.load()
    except (ValueError, TypeError, AttributeError):
        return False
    return True
