"""Export by TorchScript tracing: torch's older exporter, the origin of many of the world's files."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import onnx_ir
import torch
from torch.utils import _pytree as pytree

from .as_strided_patch import LogicalAsStrided

OPSET = 17


def export_torchscript(
    model: torch.nn.Module,
    inputs: Mapping[str, Any],
    folder: Path,
    *,
    dynamic: bool = False,
    verbose: bool = False,
) -> onnx_ir.Model:
    """Return the ONNX model; the labels of its modules are in its node names.

    `folder` takes the files torch writes; the weights are read from there until the model is saved. What
    torch raises passes through.
    """
    path = folder / "model.onnx"
    tensors = {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor)}
    axes = {name: {axis: f"{name}_{axis}" for axis in range(value.dim())} for name, value in tensors.items()}
    with (
        _forward_alone(),
        _log_of_torch(shown=verbose),
        warnings.catch_warnings(),
        plain_operations(model),
        LogicalAsStrided(),
        _flat_forward(model, inputs, list(tensors)),
    ):
        # torch marks this exporter as the older one on every call; that is known here.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            args=tuple(tensors.values()),
            f=str(path),
            input_names=list(tensors),
            dynamic_axes=axes if dynamic else None,
            opset_version=OPSET,
            dynamo=False,
        )
    return with_constants_inside(onnx_ir.load(path))


def with_constants_inside(model: onnx_ir.Model) -> onnx_ir.Model:
    """Take the values of Constant nodes into the model: of a large one, torch writes these to files of their own too.

    Whoever saves the model moves the data of its weights alone.
    """
    for node in model.graph.all_nodes():
        for name, attribute in list(node.attributes.items()):
            if isinstance(attribute.value, onnx_ir.ExternalTensor):
                node.attributes[name] = onnx_ir.AttrTensor(name, onnx_ir.tensor(attribute.value.numpy()))
    return model


@contextlib.contextmanager
def _forward_alone() -> Generator[None]:
    """Trace without what a backward run would keep of every layer.

    Without gradients, torch's attention takes a fused path that ONNX has no operators for; it is closed meanwhile.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextlib.contextmanager
def _log_of_torch(*, shown: bool) -> Generator[None]:
    """Send what torch logs from C++ (a whole graph, where it fails) to stderr if `shown`, else nowhere.

    No redirection in Python holds it, and torch switches the log on again by itself, so the descriptor is moved.
    """
    cast("Any", torch)._C._jit_set_onnx_log_output_stream("stderr")  # noqa: SLF001 (there is no public way)
    if shown:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextlib.contextmanager
def _flat_forward(model: torch.nn.Module, inputs: Mapping[str, Any], tensors: list[str]) -> Generator[None]:
    """Let `forward` take the tensors by position and return nothing but tensors, as TorchScript demands.

    Without it, inputs after a gap in the signature lose their place, and a cache among the outputs stops the
    trace. The swap is on the instance, so modules keep their names; what is no tensor is a constant of the
    trace.
    """
    original = model.forward
    constants = {name: value for name, value in inputs.items() if name not in tensors}

    def forward(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = original(**dict(zip(tensors, values, strict=True)), **constants)
        return tuple(leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    cast("Any", forward).__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in tensors])
    model.forward = forward
    try:
        yield
    finally:
        del model.forward


@contextlib.contextmanager
def plain_operations(model: torch.nn.Module) -> Generator[None]:
    """Let a transformers model attend and choose experts by operations that TorchScript knows and can trace.

    It lacks fused attention with grouped queries, and the grouping of tokens by expert.
    """
    if not hasattr(model, "set_attn_implementation"):
        yield
        return
    from transformers.exporters.exporter_onnx import use_experts_implementation

    # Parts may attend in ways of their own, so each config gets back what it had.
    configs = {id(module.config): cast("Any", module.config) for module in model.modules() if hasattr(module, "config")}
    before = {key: config._attn_implementation for key, config in configs.items() if _attends(config)}  # noqa: SLF001
    cast("Any", model).set_attn_implementation("eager")
    try:
        with use_experts_implementation(model, "batched_mm"):
            yield
    finally:
        for key, implementation in before.items():
            configs[key]._attn_implementation = implementation  # noqa: SLF001 (the public setter refuses a mixture)


def _attends(config: Any) -> bool:
    return hasattr(config, "_attn_implementation")
