"""Parse and format sample inputs of the command line: `name=shape:dtype`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from ...errors import UsageError

_SPEC = re.compile(r"(?P<name>[^=:]+)=(?P<shape>(\d+([x,]\d+)*)?)(:(?P<dtype>\w+))?")
_DTYPE_NAMES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
_DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _DTYPE_NAMES}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The name, shape and type of a sample input. The shape `()` is that of a scalar."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32

    def tensor(self) -> torch.Tensor:
        """Return a tensor, the same in every call: standard normal floats, integers 0 and 1, or True."""
        generator = torch.Generator().manual_seed(0)
        if self.dtype == torch.bool:
            return torch.ones(self.shape, dtype=torch.bool)
        if self.dtype.is_floating_point:
            return torch.randn(self.shape, generator=generator).to(self.dtype)
        return torch.randint(0, 2, self.shape, generator=generator).to(self.dtype)


def parse_input(text: str) -> InputSpec:
    """Parse `name=shape:dtype`, such as `pixel_values=1x3x224x224:float32`. The default dtype is float32.

    Raises UsageError if the text has another form.
    """
    match = _SPEC.fullmatch(text)
    if match is None:
        raise UsageError(f"--input {text}: not of the form name=shape:dtype, as in pixel_values=1x3x224x224:float32")
    dtype = match["dtype"] or "float32"
    if dtype not in _DTYPES:
        raise UsageError(f"--input {text}: unknown dtype {dtype!r}; use one of {', '.join(_DTYPES)}")
    shape = tuple(int(size) for size in re.split("[x,]", match["shape"]) if size)
    return InputSpec(match["name"], shape, _DTYPES[dtype])


def format_input(name: str, value: object) -> str:
    """Return a tensor in the form that `parse_input` reads; for another value, such as a cache, its name and class."""
    if not isinstance(value, torch.Tensor):
        return f"{name} ({type(value).__name__})"
    return f"{name}={'x'.join(map(str, value.shape))}:{str(value.dtype).removeprefix('torch.')}"
