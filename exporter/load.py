"""Build the module of a MODEL argument, with what is known of its inputs."""

# The libraries' own types are incomplete.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..errors import HpassError, UsageError
from .export_options import Options
from .factory import build_from_factory
from .model_spec import Factory, parse_model_spec
from .sample_inputs.signature import Inputs

PROMPT = "A small brown fox jumps over the lazy dog."


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A module in evaluation mode, with the inputs of its factory or the files beside its config.

    `processor` are the settings of its image processor or feature extractor, and `tokens` is `PROMPT` as its tokenizer
    encodes it; both are empty if there are no such files.
    """

    model: torch.nn.Module
    factory_inputs: Inputs | None = None
    processor: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokens: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])


def load(model_spec: str, options: Options) -> LoadedModel:
    """Build a model with its weights, or with random ones, the same in every run, if the options request them.

    Raises HpassError if the model does not exist or cannot be built, and UsageError if an option is wrong.
    """
    parsed = parse_model_spec(model_spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if isinstance(parsed, Factory):
            _check_factory(options)
            model, inputs = build_from_factory(parsed)
            return LoadedModel(model, inputs)
        from . import pretrained

        model = pretrained.load(parsed, options, pretrained.load_config(parsed, options))
    return LoadedModel(model, None, pretrained.processor_settings(parsed), pretrained.tokenize(parsed, PROMPT))


def load_on_meta(model_spec: str, options: Options) -> LoadedModel:
    """Build a model without weights on the meta device. Raises HpassError and UsageError as `load` does."""
    parsed = parse_model_spec(model_spec)
    if isinstance(parsed, Factory):
        _check_factory(options)
        return _factory_on_meta(parsed)
    from . import pretrained

    with torch.device("meta"):
        config = pretrained.load_config(parsed, options)
        model = pretrained.from_config(parsed, options, config)
    return LoadedModel(model, None, pretrained.processor_settings(parsed), pretrained.tokenize(parsed, PROMPT))


def _factory_on_meta(factory: Factory) -> LoadedModel:
    """Build a factory's module on the meta device, or with weights if the factory needs their values."""
    try:
        with torch.device("meta"):
            model, inputs = build_from_factory(factory)
    except HpassError:
        model, inputs = build_from_factory(factory)
    return LoadedModel(model, inputs)


def _check_factory(options: Options) -> None:
    if options.task or options.class_name or options.random_weights:
        raise UsageError("--task, --class and --random-weights apply to transformers models only; remove them")
