"""Sample inputs written on the command line: `name=shape:dtype`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from ...errors import UsageError

_SPEC = re.compile(r"(?P<name>[^=:]+)=(?P<shape>(\d+([x,]\d+)*)?)(:(?P<dtype>\w+))?")
_NAMES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
_DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _NAMES}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A sample input by name, shape and type; `()` is a scalar."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32

    def tensor(self) -> torch.Tensor:
        """Return a tensor of that shape, always the same: normal floats, integers 0 and 1, true booleans."""
        generator = torch.Generator().manual_seed(0)
        if self.dtype == torch.bool:
            return torch.ones(self.shape, dtype=torch.bool)
        if self.dtype.is_floating_point:
            return torch.randn(self.shape, generator=generator).to(self.dtype)
        return torch.randint(0, 2, self.shape, generator=generator).to(self.dtype)


def parse_input(text: str) -> InputSpec:
    """Read `name=shape:dtype`, as in `pixel_values=1x3x224x224:float32`; without a dtype it is float32.

    Raises UsageError where the text is of another form.
    """
    match = _SPEC.fullmatch(text)
    if match is None:
        raise UsageError(f"--input {text}: not name=shape:dtype, as in pixel_values=1x3x224x224:float32")
    dtype = match["dtype"] or "float32"
    if dtype not in _DTYPES:
        raise UsageError(f"--input {text}: unknown dtype {dtype!r}; one of {', '.join(_DTYPES)}")
    shape = tuple(int(size) for size in re.split("[x,]", match["shape"]) if size)
    return InputSpec(match["name"], shape, _DTYPES[dtype])


def spelled(name: str, value: object) -> str:
    """Return a tensor as `parse_input` reads it; anything else, as a cache, by its class."""
    if not isinstance(value, torch.Tensor):
        return f"{name} ({type(value).__name__})"
    return f"{name}={'x'.join(map(str, value.shape))}:{str(value.dtype).removeprefix('torch.')}"
