"""From a MODEL argument to a module and the inputs it is traced with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..errors import HpassError, UsageError
from .export_options import Options
from .factory import build
from .model_spec import Factory, parse_model_spec
from .sample_inputs.signature import Inputs

PROMPT = "A small brown fox jumps over the lazy dog."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module in evaluation mode, and what is known of its inputs: the factory's, or files by the config."""

    model: torch.nn.Module
    factory_inputs: Inputs | None = None
    processor: Mapping[str, Any] = field(default_factory=dict[str, Any])
    text: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])


def load(reference: str, options: Options) -> Loaded:
    """Return the model with its weights, or random ones (the same each time) where the options say so.

    Raises HpassError where the reference names no model, or one that cannot be built.
    """
    parsed = parse_model_spec(reference)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if isinstance(parsed, Factory):
            _check_factory(options)
            model, own = build(parsed)
            return Loaded(model.eval(), own)
        from . import pretrained

        model = pretrained.load(parsed, options, pretrained.load_config(parsed, options))
    return Loaded(model, None, pretrained.processor_settings(parsed), pretrained.tokenized(parsed, PROMPT))


def load_on_meta(reference: str, options: Options) -> Loaded:
    """Return the model without weights, on the meta device: its modules, and nothing to compute with.

    Raises HpassError as `load` does.
    """
    parsed = parse_model_spec(reference)
    if isinstance(parsed, Factory):
        _check_factory(options)
        return _factory_on_meta(parsed)
    from . import pretrained

    with torch.device("meta"):
        config = pretrained.load_config(parsed, options)
        model = pretrained.from_config(parsed, options, config)
    return Loaded(model, None, pretrained.processor_settings(parsed), pretrained.tokenized(parsed, PROMPT))


def _factory_on_meta(factory: Factory) -> Loaded:
    """Return a factory's module on the meta device; one that computes with its weights is let have them."""
    try:
        with torch.device("meta"):
            model, own = build(factory)
    except HpassError:
        model, own = build(factory)
    return Loaded(model.eval(), own)


def _check_factory(options: Options) -> None:
    if options.task or options.class_name or options.random_weights:
        raise UsageError("--task, --class and --random-weights choose among transformers' models, not a factory's")
