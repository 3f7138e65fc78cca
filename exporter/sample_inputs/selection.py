"""Which inputs to give a model: what it needs, what its modalities ask for, and what can wait."""

from __future__ import annotations

import torch

from .modalities import MODALITIES, config_value, modalities
from .signature import parameters, required

# Given only where the model does not run without.
_SELDOM_NEEDED = {
    "image_sizes", "pixel_attention_mask", "image_attention_mask", "input_features_mask", "feature_attention_mask",
    "encoder_hidden_states",
}  # fmt: skip


def required_inputs(model: torch.nn.Module) -> set[str]:
    """Return the main inputs, those without a default, and what belongs to them."""
    names = config_value(model, "main_input_name", default="input_ids").union(required(model))
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        names.add("decoder_input_ids")
    return names


def default_inputs(model: torch.nn.Module) -> list[str]:
    """Return the inputs that the modalities of the model ask for, seldom needed ones too, in the order of `forward`."""
    asked = (MODALITIES.get(modality, ()) for modality in modalities(model))
    names = required_inputs(model).union(optional_inputs(model), *asked)
    present = parameters(model)
    if "input_ids" in names and "input_ids" in present:
        names.add("attention_mask")
    return [name for name in present if name in names]


def optional_inputs(model: torch.nn.Module) -> set[str]:
    """Return the inputs that are given only where the model does not run without.

    A model may take an image or a sound though it does not say so.
    """
    undeclared = set[str]().union(*MODALITIES.values()) if modalities(model) <= {"text"} else set[str]()
    return ((_SELDOM_NEEDED | undeclared) & set(parameters(model))) - required_inputs(model) - set(MODALITIES["text"])


def deferred_inputs(model: torch.nn.Module) -> set[str]:
    """Return the inputs of further modalities: given only where the model does not run with one."""
    others = [modality for modality in MODALITIES if modality != "text" and modality in modalities(model)]
    later = set[str]().union(*(MODALITIES[modality] for modality in others[1:]))
    return later - required_inputs(model) - set(MODALITIES[others[0]] if others else ())
