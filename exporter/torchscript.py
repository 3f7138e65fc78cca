"""Export by TorchScript tracing, torch's older exporter, which wrote many of the existing ONNX files."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

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
    """Export a module. Return the ONNX model, whose node names contain the labels of the modules.

    torch writes its files to `folder`, and the weights are read from there when the model is saved. Exceptions of torch
    are not caught.
    """
    path = folder / "model.onnx"
    tensors = {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor)}
    axes = {name: {axis: f"{name}_{axis}" for axis in range(value.dim())} for name, value in tensors.items()}
    with (
        _inference_only(),
        _redirect_torch_log(shown=verbose),
        warnings.catch_warnings(),
        traceable_operations(model),
        LogicalAsStrided(),
        _positional_forward(model, inputs, list(tensors)),
    ):
        # torch warns on every call that this exporter is deprecated.
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
    return load_external_constants(onnx_ir.load(path))


def load_external_constants(model: onnx_ir.Model) -> onnx_ir.Model:
    """Load the values of Constant nodes into the model, in place. torch writes those of a large model to files.

    onnx_ir.save moves the data of initializers only.
    """
    for node in model.graph.all_nodes():
        for name, attribute in list(node.attributes.items()):
            if isinstance(attribute.value, onnx_ir.ExternalTensor):
                node.attributes[name] = onnx_ir.AttrTensor(name, onnx_ir.tensor(attribute.value.numpy()))
    return model


@contextlib.contextmanager
def _inference_only() -> Generator[None]:
    """Disable gradients, which would need memory for every layer, and torch's fused attention.

    Without gradients torch uses fused attention, which has no ONNX operators, unless it is disabled.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@contextlib.contextmanager
def _redirect_torch_log(*, shown: bool) -> Generator[None]:
    """Send torch's log from C++ (a whole graph if the export fails) to standard error if `shown`; else discard it.

    The file descriptor is replaced, because the log bypasses sys.stderr and torch enables the log again by itself.
    """
    cast("Any", torch)._C._jit_set_onnx_log_output_stream("stderr")  # noqa: SLF001 (there is no public function)
    if shown:
        yield
        return
    sys.stderr.flush()
    saved_descriptor = os.dup(2)
    with Path(os.devnull).open("wb") as null_device:
        os.dup2(null_device.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved_descriptor, 2)
        os.close(saved_descriptor)


@contextlib.contextmanager
def _positional_forward(model: torch.nn.Module, inputs: Mapping[str, Any], tensors: list[str]) -> Generator[None]:
    """Replace `forward` by a function that takes tensors by position and returns a tuple of tensors, as tracing needs.

    Otherwise inputs after a gap in the signature are assigned to the wrong parameters, and a cache among the outputs
    stops the trace. The attribute is set on the instance, so modules keep their names. Inputs that are not tensors
    become constants of the trace.
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
def traceable_operations(model: torch.nn.Module) -> Generator[None]:
    """Make a transformers model use implementations of attention and experts that TorchScript can trace.

    TorchScript cannot trace fused attention with grouped queries, or the grouping of tokens by expert.
    """
    if not hasattr(model, "set_attn_implementation"):
        yield
        return
    from transformers.exporters.exporter_onnx import use_experts_implementation

    # Submodels may have other attention implementations, so each config is restored on its own.
    configs = {id(module.config): cast("Any", module.config) for module in model.modules() if hasattr(module, "config")}
    previous = {key: config._attn_implementation for key, config in configs.items() if _has_attention_setting(config)}  # noqa: SLF001
    cast("Any", model).set_attn_implementation("eager")
    try:
        with use_experts_implementation(model, "batched_mm"):
            yield
    finally:
        for key, implementation in previous.items():
            configs[key]._attn_implementation = implementation  # noqa: SLF001 (the public setter refuses a mixture)


def _has_attention_setting(config: Any) -> bool:
    return hasattr(config, "_attn_implementation")
