"""Export with torch.export: transformers' exporter for transformers models, torch.onnx for any other module."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Mapping
from typing import Any, cast

import onnx_ir
import torch


def export_dynamo(
    model: torch.nn.Module, inputs: Mapping[str, Any], *, dynamic: bool = False
) -> tuple[onnx_ir.Model, dict[str, Any]]:
    """Export a module. Return the ONNX model, whose nodes have scope names in their metadata, and the traced inputs.

    The traced inputs include tensors that transformers computes before the trace because they depend on values, for
    example the offsets of images in a packed row; they are inputs of the file. If `dynamic` is True, the axes of the
    inputs are dynamic if the model allows it. Exceptions of torch are not caught.
    """
    if contains_transformers_model(model):
        from transformers.exporters.configs import OnnxConfig
        from transformers.exporters.exporter_onnx import OnnxExporter

        # A copy, because the exporter adds tensors to the mapping.
        traced = dict(inputs)
        with _without_loss(model):
            exported = OnnxExporter().export(cast("Any", model), traced, OnnxConfig(dynamic=dynamic))
        added = {name: value for name, value in traced.items() if isinstance(value, torch.Tensor)}
        return exported.program, {**added, **inputs}
    shapes = {name: _dynamic_axes(value) for name, value in inputs.items()} if dynamic else None
    program = torch.onnx.export(model, args=(), kwargs=dict(inputs), dynamo=True, dynamic_shapes=shapes, verbose=True)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return program.model, dict(inputs)


def contains_transformers_model(model: torch.nn.Module) -> bool:
    """Whether a transformers model is among the modules; its outputs and caches need transformers' exporter."""
    transformers = sys.modules.get("transformers.modeling_utils")
    return transformers is not None and any(
        isinstance(module, transformers.PreTrainedModel) for module in model.modules()
    )


def trace(model: torch.nn.Module, inputs: Mapping[str, Any]) -> None:
    """Trace a transformers model with torch.export and discard the result. The model may be on the meta device."""
    from transformers.exporters.configs import DynamoConfig
    from transformers.exporters.exporter_dynamo import DynamoExporter

    with _without_loss(model):
        DynamoExporter().export(cast("Any", model), dict(inputs), DynamoConfig())


@contextlib.contextmanager
def _without_loss(model: torch.nn.Module) -> Generator[None]:
    """Set `return_loss` of the config to False, because transformers' exporter rejects models that return a loss."""
    config: Any = getattr(model, "config", None)
    previous = getattr(config, "return_loss", False)
    if previous:
        config.return_loss = False
    try:
        yield
    finally:
        if previous:
            config.return_loss = previous


def _dynamic_axes(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return None
    return dict.fromkeys(range(value.dim()), torch.export.Dim.AUTO)
