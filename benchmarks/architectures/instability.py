"""Check whether torch's outputs of a model are stable. If they are not, onnxruntime's cannot be compared with them."""

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

# A difference within torch explains a difference of onnxruntime that is at most this many times larger. For example,
# which of two almost equal candidates a top-k selects is arbitrary, and the two may lead to very different outputs.
MAX_AMPLIFICATION = 10.0


def instability(model: torch.nn.Module, inputs: Mapping[str, Any], difference: float) -> str | None:
    """Return a description of an instability that explains `difference`; None if there is none.

    The attempts are a second run, ties within a top-k broken the other way, float64, attention and experts in plain
    operations (as an exporter traces them), and the program that transformers' exporter makes before it writes ONNX.
    The model's precision is restored afterwards.
    """
    attempts: tuple[tuple[str, Callable[[], float]], ...] = (
        ("in two runs with the same inputs", lambda: _max_difference(_run(model, inputs), _run(model, inputs))),
        (
            "with how ties within a top-k are broken",
            lambda: _max_difference(_run(model, inputs), _run_with_reversed_topk(model, inputs)),
        ),
        ("between float32 and float64", lambda: _max_difference(_run(model, inputs), _run_in_float64(model, inputs))),
        (
            "between float32 and float64",
            lambda: _max_difference(
                _run_traceable(_run, model, inputs), _run_traceable(_run_in_float64, model, inputs)
            ),
        ),
        (
            "between fused attention and the same written out",
            lambda: _max_difference(_run(model, inputs), _run_traceable(_run, model, inputs)),
        ),
        (
            "between the model and the program that transformers' exporter makes of it",
            lambda: _max_difference(_run(model, inputs), _run_exported_program(model, inputs)),
        ),
    )
    for words, attempt in attempts:
        try:
            found = attempt()
        except Exception:  # noqa: BLE001, S112 (not every model supports every attempt)
            continue
        if found * MAX_AMPLIFICATION >= difference:
            return f"torch's own outputs differ by {found:.1e} {words}"
    return None


def _run(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with torch.no_grad(), captured_output(verbose=False):
        outputs = model(**copy.deepcopy(dict(inputs)))
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


def _run_traceable(run: _Run, model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with traceable_operations(model):
        return run(model, inputs)


def _run_with_reversed_topk(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    with _ReversedTopK():
        return _run(model, inputs)


def _run_in_float64(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    try:
        return _run(model.double(), _to_float64(inputs))
    finally:
        model.float()


def _run_exported_program(model: torch.nn.Module, inputs: Mapping[str, Any]) -> Outputs:
    from transformers.exporters.configs import DynamoConfig
    from transformers.exporters.exporter_dynamo import DynamoExporter

    # The exporter adds the tensors and constants that it computes before the trace to the mapping, as further inputs.
    traced = copy.deepcopy(dict(inputs))
    with torch.no_grad(), captured_output(verbose=False):
        outputs = DynamoExporter().export(cast("Any", model), traced, DynamoConfig()).program.module()(**traced)
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


class _ReversedTopK(TorchFunctionMode):
    """Reverses the candidates of every top-k, so that it selects others among equal ones."""

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


def _to_float64(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def _max_difference(first: Outputs, second: Outputs) -> float:
    """Return the largest absolute difference of any output; infinite if the shapes differ."""
    if [value.shape for value in first] != [value.shape for value in second]:
        return float("inf")
    pairs = [(one.double(), other.double()) for one, other in zip(first, second, strict=True) if one.numel()]
    return max((float(torch.nan_to_num(one - other).abs().max()) for one, other in pairs), default=0.0)
