"""Values of a tensor that are read from the original message on first access."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnx.numpy_helper import to_array
from onnx_graphsurgeon.ir.tensor import LazyValues, SparseValues

from ..errors import HpassError
from .decode import as_text
from .files.placeholders import Placeholders


class Storage(NamedTuple):
    """Where the values of a model's tensors are, apart from those in the messages.

    External data is in `folder` (None: there is none), and large values may be in the model file, with `placeholders`.
    """

    folder: Path | None = None
    placeholders: Placeholders | None = None


@cache
def element_type(data_type: int) -> Any:
    """Return the numpy dtype of an ONNX element type; the number itself if there is none, as in graphsurgeon."""
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type))
    except (KeyError, TypeError, ValueError):
        return data_type


def _byte_count(shape: list[int], dtype: Any) -> int:
    """Return the size of the values in memory, in bytes. Elements of unknown types count as one byte."""
    return prod(shape) * (dtype.itemsize if isinstance(dtype, np.dtype) else 1)


class DenseValues(LazyValues):
    """Values of a TensorProto. Those that are not in the message are read only by `load`."""

    def __init__(self, tensor: onnx.TensorProto, storage: Storage) -> None:
        self.tensor = tensor
        self.storage = storage
        self.shape = list(tensor.dims)
        self.dtype = element_type(tensor.data_type)
        self.nbytes = _byte_count(self.shape, self.dtype)

    @property
    def raw_name(self) -> str | bytes:
        """The tensor's name; bytes if it is not UTF-8."""
        return self.tensor.name

    @property
    def name(self) -> str:
        """The tensor's name as text."""
        return as_text(self.raw_name)

    @property
    def location(self) -> int | None:
        """The message's `data_location`; None if the field is not set."""
        return int(self.tensor.data_location) if self.tensor.HasField("data_location") else None

    def load(self) -> npt.NDArray[Any]:
        """Return the values. Raises HpassError if they are external data of a model without a folder."""
        folder, placeholders = self.storage
        if not uses_external_data(self.tensor):
            return np.array(to_array(self.tensor if placeholders is None else placeholders.completed(self.tensor)))
        if folder is None:
            raise HpassError(f"tensor '{self.tensor.name}': its values are external data; open the model by its path")
        tensor = onnx.TensorProto()
        tensor.CopyFrom(self.tensor)
        load_external_data_for_tensor(tensor, str(folder))
        return np.array(to_array(tensor))


class SparseTensorValues(SparseValues):
    """Values of a SparseTensorProto."""

    def __init__(self, tensor: onnx.SparseTensorProto, storage: Storage) -> None:
        self.tensor = tensor
        self.storage = storage
        self.shape = list(tensor.dims)
        self.dtype = element_type(tensor.values.data_type)
        self.nbytes = _byte_count(self.shape, self.dtype)

    @property
    def raw_name(self) -> str | bytes:
        """The tensor's name, which is the name of its `values`; bytes if it is not UTF-8."""
        return self.tensor.values.name

    @property
    def name(self) -> str:
        """The tensor's name as text."""
        return as_text(self.raw_name)

    @property
    def location(self) -> None:
        """None: sparse tensors have no `data_location`."""
        return

    def load(self) -> npt.NDArray[Any]:
        """Return the values."""
        placeholders = self.storage.placeholders
        if placeholders is None:
            return super().load()
        return SparseTensorValues(placeholders.completed(self.tensor), Storage()).load()


Values = DenseValues | SparseTensorValues
