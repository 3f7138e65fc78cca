"""Export by torch.export: transformers' own exporter for its models, torch's for any other module."""

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
    """Return the ONNX model, its nodes with the scope names that torch.export saw, and the inputs it was traced with.

    To these belong the tensors that transformers works out beforehand because they depend on values, as where the
    images of a packed row begin and end: the file takes them as inputs. `dynamic` leaves the axes of the inputs open
    where the model allows it. What torch raises passes through.
    """
    if is_of_transformers(model):
        from transformers.exporters.configs import OnnxConfig
        from transformers.exporters.exporter_onnx import OnnxExporter

        # Its forward wants every input by name, and it adds to the mapping that it is given.
        traced = dict(inputs)
        with _without_loss(model):
            exported = OnnxExporter().export(cast("Any", model), traced, OnnxConfig(dynamic=dynamic))
        added = {name: value for name, value in traced.items() if isinstance(value, torch.Tensor)}
        return exported.program, {**added, **inputs}
    shapes = {name: _open_axes(value) for name, value in inputs.items()} if dynamic else None
    program = torch.onnx.export(model, args=(), kwargs=dict(inputs), dynamo=True, dynamic_shapes=shapes, verbose=True)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return program.model, dict(inputs)


def is_of_transformers(model: torch.nn.Module) -> bool:
    """Whether a transformers model is inside: its outputs and caches need transformers' exporter."""
    transformers = sys.modules.get("transformers.modeling_utils")
    return transformers is not None and any(
        isinstance(module, transformers.PreTrainedModel) for module in model.modules()
    )


def trace(model: torch.nn.Module, inputs: Mapping[str, Any]) -> None:
    """Run a transformers model through torch.export and keep nothing of it; the model may be on the meta device."""
    from transformers.exporters.configs import DynamoConfig
    from transformers.exporters.exporter_dynamo import DynamoExporter

    with _without_loss(model):
        DynamoExporter().export(cast("Any", model), dict(inputs), DynamoConfig())


@contextlib.contextmanager
def _without_loss(model: torch.nn.Module) -> Generator[None]:
    """Let a config that asks for a loss not ask meanwhile: transformers' exporter refuses it, inference has none."""
    config: Any = getattr(model, "config", None)
    asked = getattr(config, "return_loss", False)
    if asked:
        config.return_loss = False
    try:
        yield
    finally:
        if asked:
            config.return_loss = asked


def _open_axes(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return None
    return dict.fromkeys(range(value.dim()), torch.export.Dim.AUTO)
