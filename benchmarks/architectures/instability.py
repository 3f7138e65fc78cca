"""Whether torch agrees with itself: a model that does not cannot be asked whether onnxruntime agrees with it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from hpass.exporter.capture_output import captured_output
from hpass.exporter.torchscript import traceable_operations

Outputs = list[torch.Tensor]
_Run = Callable[[torch.nn.Module, Mapping[str, Any]], Outputs]

# A difference within torch itself explains one of onnxruntime's of up to this many times its size: which of two almost
# equal candidates a top-k takes is chance, and so is how far apart the two are.
FACTOR = 10.0


def instability(model: torch.nn.Module, inputs: Mapping[str, Any], difference: float) -> str | None:
    """Return in words where torch differs from itself about as much as `difference`; None where it does not.

    Tried are the same run again, ties within a top-k broken the other way, float64, and attention and experts written
    out as plain operations (as an exporter sees them), and the program that transformers' exporter makes of it, which
    holds no ONNX yet. The model has its own precision again afterwards.
    """
    attempts: tuple[tuple[str, Callable[[], float]], ...] = (
        ("in two runs with the same inputs", lambda: _apart(_outputs(model, inputs), _outputs(model, inputs))),
        (
            "with how ties within a top-k are broken",
            lambda: _apart(_outputs(model, inputs), _other_ties(model, inputs)),
        ),
        ("between float32 and float64", lambda: _apart(_outputs(model, inputs), _exact(model, inputs))),
        (
            "between float32 and float64",
            lambda: _apart(_plain(_outputs, model, inputs), _plain(_exact, model, inputs)),
        ),
        (
            "between fused attention and the same written out",
            lambda: _apart(_outputs(model, inputs), _plain(_outputs, model, inputs)),
        ),
        (
            "between the model and the program that transformers' exporter makes of it",
            lambda: _apart(_outputs(model, inputs), _program(model, inputs)),
        ),
    )
    for words, attempt in attempts:
        try:
            found = attempt()
        except Exception:  # noqa: BLE001, S112 (not every model can do each of these)
            continue
        if found * FACTOR >= difference:
            return f"torch's own outputs differ by {found:.1e} {words}"
    return None


def _outputs(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with torch.no_grad(), captured_output(verbose=False):
        outputs = model(**copy.deepcopy(dict(inputs)))
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


def _plain(run: _Run, model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with traceable_operations(model):
        return run(model, inputs)


def _other_ties(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with _OtherTies():
        return _outputs(model, inputs)


def _exact(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    try:
        return _outputs(model.double(), _doubled(inputs))
    finally:
        model.float()


def _program(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    from transformers.exporters.configs import DynamoConfig
    from transformers.exporters.exporter_dynamo import DynamoExporter

    # The exporter adds to the mapping what it works out beforehand, tensors and constants; these are inputs then.
    traced = copy.deepcopy(dict(inputs))
    with torch.no_grad(), captured_output(verbose=False):
        outputs = DynamoExporter().export(cast("Any", model), traced, DynamoConfig()).program.module()(**traced)
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


class _OtherTies(TorchFunctionMode):
    """Lets every top-k see its candidates in reverse, so that of equal ones it takes another."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func not in (torch.topk, torch.Tensor.topk):
            return func(*args, **(kwargs or {}))
        return _topk_in_reverse(*args, **(kwargs or {}))


def _topk_in_reverse(
    input: torch.Tensor,  # noqa: A002 (its name in torch)
    k: int,
    dim: int = -1,
    largest: bool = True,  # noqa: FBT001, FBT002 (as in torch)
    sorted: bool = True,  # noqa: A002, FBT001, FBT002 (as in torch)
) -> Any:
    values, indices = torch.topk(input.flip(dim), k, dim, largest, sorted)
    return torch.return_types.topk((values, input.shape[dim] - 1 - indices))


def _doubled(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _apart(first: Outputs, second: Outputs) -> float:
    """Return the largest difference of any output; infinite where their shapes differ."""
    if [value.shape for value in first] != [value.shape for value in second]:
        return float("inf")
    pairs = [(one.double(), other.double()) for one, other in zip(first, second, strict=True) if one.numel()]
    return max((float(torch.nan_to_num(one - other).abs().max()) for one, other in pairs), default=0.0)
