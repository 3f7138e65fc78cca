"""Masks and paddings that have the shape of the masked input and hide nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from .audio import feature_widths
from .builder import CandidateTensors, InputBuilder, InputRule
from .signature import forward_parameters

DependentRule = Callable[[InputBuilder, Mapping[str, torch.Tensor]], torch.Tensor]
"""Computes an input from the other inputs."""

DependentRules = dict[str, tuple[str, DependentRule]]
"""Inputs that depend on another input: name -> (name of the other input, rule)."""

# The rank of pixel values that are a row of patches: batch, patches, values.
_PATCH_ROW_RANK = 3
# Masks named after another input: the ending of the mask, the ending of the input, and the value that hides nothing.
_MASK_ENDINGS = (("_attention_mask", "_input_ids", 1), ("_mask", "", 1), ("_padding", "", 0))


def masks(model: torch.nn.Module) -> DependentRules:
    """Return rules for the masks of images, audio and time series, and for masks named after another input."""
    parameters_by_name = forward_parameters(model)
    named: DependentRules = {}
    for name in parameters_by_name:
        for ending, source_ending, value in _MASK_ENDINGS:
            source = name.removesuffix(ending) + source_ending
            if name.endswith(ending) and source in parameters_by_name:
                dtype = torch.bool if "Bool" in str(parameters_by_name[name].annotation) else torch.int64
                named.setdefault(name, (source, same_length(source, value, dtype)))
    return {**named, **_MASKS}


def same_length(source: str, value: int, dtype: torch.dtype = torch.int64) -> DependentRule:
    """Return a rule for a tensor of one value with the first two dimensions of the input `source`."""

    def joint(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.full(inputs[source].shape[:2], value, dtype=dtype, device=inputs[source].device)

    return joint


def placeholder_mask(_maker: InputBuilder) -> CandidateTensors:
    """Return a temporary mask. Its dependent rule replaces it when the masked input is chosen."""
    return [torch.ones(1, 1, dtype=torch.int64)]


def _audio_mask(builder: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask of shape (1, frames); the frames are the axis of the features that is not their width."""
    features = inputs["input_features"]
    frames = features.shape[-1] if features.shape[-2] in feature_widths(builder) else features.shape[-2]
    return torch.ones(1, frames, dtype=torch.int64, device=features.device)


def _pixel_mask(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask of the pixels, or of the patches if the image is a row of patches."""
    pixels = inputs["pixel_values"]
    shape = pixels.shape[:-1] if pixels.dim() <= _PATCH_ROW_RANK else (*pixels.shape[:-3], *pixels.shape[-2:])
    return torch.ones(shape, dtype=torch.bool, device=pixels.device)


def _series_mask(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.ones_like(inputs["past_values"])


_MASKS: DependentRules = {
    "input_features_mask": ("input_features", _audio_mask),
    "feature_attention_mask": ("input_features", _audio_mask),
    "pixel_attention_mask": ("pixel_values", _pixel_mask),
    "past_observed_mask": ("past_values", _series_mask),
}

RULES: dict[str, InputRule] = dict.fromkeys((*_MASKS, "image_attention_mask"), placeholder_mask)
