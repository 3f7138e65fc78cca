"""What TorchScript's ONNX gets wrong of `as_strided`: it takes every tensor for a contiguous one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


class LogicalAsStrided(TorchFunctionMode):
    """Lets `as_strided` of a tensor that is not contiguous be traced as a selection of its values.

    Strides count places in memory, of which an ONNX file knows nothing. The sizes become constants of the trace.
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
    # Which value of the tensor, counted in its own order, lies at each place of its memory.
    values = np.full(input.untyped_storage().nbytes() // input.element_size() - int(input.storage_offset()), -1)
    _strided(values, input.shape, input.stride())[...] = np.arange(input.numel()).reshape([int(n) for n in input.shape])
    chosen = np.ascontiguousarray(_strided(values[offset:], size, stride)) if offset >= 0 else np.array(-1)
    if (chosen < 0).any():
        return torch.as_strided(input, size, stride, storage_offset)
    return input.reshape(-1)[torch.from_numpy(chosen)]


def _strided(values: np.ndarray, size: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    steps = [int(step) * values.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(values, [int(length) for length in size], steps)
