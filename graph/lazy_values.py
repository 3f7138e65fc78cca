"""The values of a tensor, read from the original model when somebody asks for them."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnx.numpy_helper import to_array
from onnx_graphsurgeon.ir.tensor import LazyValues, SparseValues

from ..errors import HpassError
from .decode import as_text


@cache
def element_type(data_type: int) -> Any:
    """Return the numpy type of an ONNX element type, or its number where numpy has none, as graphsurgeon does."""
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type))
    except (KeyError, TypeError, ValueError):
        return data_type


def _size(shape: list[int], dtype: Any) -> int:
    """Return the number of bytes that the values take in memory; unknown element types count one byte each."""
    return prod(shape) * (dtype.itemsize if isinstance(dtype, np.dtype) else 1)


class DenseValues(LazyValues):
    """Values of a TensorProto. External data lies below `folder` and is read only by `load`."""

    def __init__(self, tensor: onnx.TensorProto, folder: Path | None) -> None:
        self.tensor = tensor
        self.folder = folder
        self.shape = list(tensor.dims)
        self.dtype = element_type(tensor.data_type)
        self.nbytes = _size(self.shape, self.dtype)

    @property
    def raw_name(self) -> str | bytes:
        """The tensor's name; bytes where it is not UTF-8."""
        return self.tensor.name

    @property
    def name(self) -> str:
        """The tensor's name as text."""
        return as_text(self.raw_name)

    @property
    def location(self) -> int | None:
        """Where the message says its data lies; None where it does not say."""
        return int(self.tensor.data_location) if self.tensor.HasField("data_location") else None

    def load(self) -> npt.NDArray[Any]:
        """Return the values. Raises HpassError where they lie outside a model that has no folder."""
        if not uses_external_data(self.tensor):
            return np.array(to_array(self.tensor))
        if self.folder is None:
            raise HpassError(
                f"tensor '{self.tensor.name}' keeps its values in another file; open the model by its path"
            )
        copy = onnx.TensorProto()
        copy.CopyFrom(self.tensor)
        load_external_data_for_tensor(copy, str(self.folder))
        return np.array(to_array(copy))


class SparseTensorValues(SparseValues):
    """Values of a SparseTensorProto."""

    def __init__(self, tensor: onnx.SparseTensorProto) -> None:
        self.tensor = tensor
        self.shape = list(tensor.dims)
        self.dtype = element_type(tensor.values.data_type)
        self.nbytes = _size(self.shape, self.dtype)

    @property
    def raw_name(self) -> str | bytes:
        """The tensor's name, which its values carry; bytes where it is not UTF-8."""
        return self.tensor.values.name

    @property
    def name(self) -> str:
        """The tensor's name as text."""
        return as_text(self.raw_name)

    @property
    def location(self) -> None:
        """Sparse tensors lie in the model."""
        return


Values = DenseValues | SparseTensorValues
