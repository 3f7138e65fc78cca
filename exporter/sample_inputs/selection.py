"""Select the inputs to give a model: required, default, optional and deferred ones."""

from __future__ import annotations

import torch

from .modalities import MODALITIES, config_value, model_modalities
from .signature import forward_parameters, required_parameters

# Given only if the model does not run without them.
_RARELY_REQUIRED = {
    "image_sizes", "pixel_attention_mask", "image_attention_mask", "input_features_mask", "feature_attention_mask",
    "encoder_hidden_states",
}  # fmt: skip


def required_inputs(model: torch.nn.Module) -> set[str]:
    """Return the main inputs, the inputs without a default, and the decoder's token ids if there is a decoder."""
    names = config_value(model, "main_input_name", default="input_ids").union(required_parameters(model))
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        names.add("decoder_input_ids")
    return names


def default_inputs(model: torch.nn.Module) -> list[str]:
    """Return the inputs of the model's modalities, including optional ones, in the order of `forward`."""
    modality_inputs = (MODALITIES.get(modality, ()) for modality in model_modalities(model))
    names = required_inputs(model).union(optional_inputs(model), *modality_inputs)
    present = forward_parameters(model)
    if "input_ids" in names and "input_ids" in present:
        names.add("attention_mask")
    return [name for name in present if name in names]


def optional_inputs(model: torch.nn.Module) -> set[str]:
    """Return the inputs that are given only if the model does not run without them.

    If the model declares text only, they include images and audio, which some models accept without declaring them.
    """
    undeclared = set[str]().union(*MODALITIES.values()) if model_modalities(model) <= {"text"} else set[str]()
    return (
        ((_RARELY_REQUIRED | undeclared) & set(forward_parameters(model)))
        - required_inputs(model)
        - set(MODALITIES["text"])
    )


def deferred_inputs(model: torch.nn.Module) -> set[str]:
    """Return the inputs of the second and further modalities besides text, which are not in the first set."""
    others = [modality for modality in MODALITIES if modality != "text" and modality in model_modalities(model)]
    deferred = set[str]().union(*(MODALITIES[modality] for modality in others[1:]))
    return deferred - required_inputs(model) - set(MODALITIES[others[0]] if others else ())
