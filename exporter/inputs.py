"""The inputs a model is traced with: given ones first, made-up ones for the rest."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import HpassError, UsageError
from .samples import Maker, attempts, unknown
from .signature import listed, parameters, required

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


def given_inputs(
    model: torch.nn.Module, own: Mapping[str, Any] | None, specs: Sequence[InputSpec]
) -> dict[str, Any]:
    """Return the inputs that came with the model, overlaid with those of the command line.

    Raises HpassError for a name that `forward` does not take.
    """
    names = parameters(model)
    for spec in specs:
        if spec.name not in names:
            raise HpassError(
                f"--input {spec.name}: {type(model).__name__}.forward has no such input; "
                f"it takes {listed(model)}"
            )
    return {**(own or {}), **{spec.name: spec.tensor() for spec in specs}}


def missing_inputs(model: torch.nn.Module, given: Mapping[str, Any]) -> list[str]:
    """Return the inputs that `forward` cannot do without and that are not given."""
    return [name for name in required(model) if name not in given]


def ask_for(model: torch.nn.Module, names: Sequence[str], why: str = "") -> HpassError:
    """Return the error that says which inputs to give, and how."""
    options = " ".join(f"--input {name}=SHAPE:DTYPE" for name in names)
    reason = f" ({why})" if why else ""
    return HpassError(
        f"{type(model).__name__} needs {', '.join(names)}, and no sample can be made up for it{reason}; "
        f"give {options}, as in --input {names[0]}=1x16:int64"
    )


def made_inputs(model: torch.nn.Module, maker: Maker, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs that the model runs with, by its modalities and its config; given ones stay as they are.

    Where several layouts are possible the model is run, without gradients, until one fits. Raises HpassError,
    naming the inputs to give, where none does.
    """
    lacking = [name for name in unknown(maker) if name not in given]
    if lacking:
        raise ask_for(model, lacking)
    candidates = [{**made, **given} for made in attempts(maker)]
    if not candidates[0]:
        raise ask_for(model, list(parameters(model))[:1] or ["input"])
    if len(candidates) == 1:
        return candidates[0]
    first_error: Exception | None = None
    for candidate in candidates:
        try:
            with torch.no_grad():
                model(**copy.deepcopy(candidate))
        except Exception as error:  # noqa: BLE001 (a layout that does not fit fails in any way it likes)
            first_error = first_error or error
        else:
            return candidate
    text = " ".join(str(first_error).split())[:200]
    raise ask_for(model, list(candidates[0]), f"{type(first_error).__name__}: {text}") from first_error
