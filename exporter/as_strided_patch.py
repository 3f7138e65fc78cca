"""Trace `as_strided` correctly in TorchScript, whose ONNX export treats every tensor as contiguous."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


class LogicalAsStrided(TorchFunctionMode):
    """Traces `as_strided` of a non-contiguous tensor as a selection of its values.

    Strides are offsets in memory, which ONNX does not have. The sizes become constants of the trace.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.as_strided, torch.Tensor.as_strided):
            return _as_strided(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _as_strided(
    input: torch.Tensor,  # noqa: A002 (its name in torch)
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> torch.Tensor:
    if input.is_contiguous():
        return torch.as_strided(input, size, stride, storage_offset)
    offset = 0 if storage_offset is None else int(storage_offset) - int(input.storage_offset())
    # For each offset in the tensor's memory, the index of its value in row-major order; -1 if there is none.
    index_at_offset = np.full(
        input.untyped_storage().nbytes() // input.element_size() - int(input.storage_offset()), -1
    )
    _strided_view(index_at_offset, input.shape, input.stride())[...] = np.arange(input.numel()).reshape(
        [int(n) for n in input.shape]
    )
    indices = (
        np.ascontiguousarray(_strided_view(index_at_offset[offset:], size, stride)) if offset >= 0 else np.array(-1)
    )
    if (indices < 0).any():
        return torch.as_strided(input, size, stride, storage_offset)
    return input.reshape(-1)[torch.from_numpy(indices)]


def _strided_view(values: np.ndarray, size: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    steps = [int(step) * values.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(values, [int(length) for length in size], steps)
