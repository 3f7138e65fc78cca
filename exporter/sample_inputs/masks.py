"""Masks and paddings: as large as what they mask, hiding nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from .audio import feature_widths
from .builder import Candidates, InputBuilder, InputRule
from .signature import parameters

DependentRule = Callable[[InputBuilder, Mapping[str, torch.Tensor]], torch.Tensor]
"""Makes an input anew from the others."""

DependentRules = dict[str, tuple[str, DependentRule]]
"""What follows from another input, by name: first that input."""

_ROW_OF_PATCHES = 3
# A mask or padding named after what it masks: its ending, that of the other, and the value that hides nothing.
_NAMED_AFTER = (("_attention_mask", "_input_ids", 1), ("_mask", "", 1), ("_padding", "", 0))


def masks(model: torch.nn.Module) -> DependentRules:
    """Return the masks and paddings of images, sounds and series, and what `forward` names after another input."""
    present = parameters(model)
    named: DependentRules = {}
    for name in present:
        for ending, of, value in _NAMED_AFTER:
            source = name.removesuffix(ending) + of
            if name.endswith(ending) and source in present:
                kind = torch.bool if "Bool" in str(present[name].annotation) else torch.int64
                named.setdefault(name, (source, same_length(source, value, kind)))
    return {**named, **_MASKS}


def same_length(source: str, value: int, kind: torch.dtype = torch.int64) -> DependentRule:
    """Return what makes a row of one value, as long as the input that it follows from."""

    def joint(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.full(inputs[source].shape[:2], value, dtype=kind, device=inputs[source].device)

    return joint


def stand_in(_maker: InputBuilder) -> Candidates:
    """Return a stand-in for a mask: it follows from what it masks once that is chosen."""
    return [torch.ones(1, 1, dtype=torch.int64)]


def _of_sound(maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask as long as the sound: the axis of its features that is not their width."""
    features = inputs["input_features"]
    frames = features.shape[-1] if features.shape[-2] in feature_widths(maker) else features.shape[-2]
    return torch.ones(1, frames, dtype=torch.int64, device=features.device)


def _of_pixels(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask of the image: of its pixels, or of its patches where it comes as a row of them."""
    pixels = inputs["pixel_values"]
    shape = pixels.shape[:-1] if pixels.dim() <= _ROW_OF_PATCHES else (*pixels.shape[:-3], *pixels.shape[-2:])
    return torch.ones(shape, dtype=torch.bool, device=pixels.device)


def _of_series(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.ones_like(inputs["past_values"])


_MASKS: DependentRules = {
    "input_features_mask": ("input_features", _of_sound),
    "feature_attention_mask": ("input_features", _of_sound),
    "pixel_attention_mask": ("pixel_values", _of_pixels),
    "past_observed_mask": ("past_values", _of_series),
}

RULES: dict[str, InputRule] = dict.fromkeys((*_MASKS, "image_attention_mask"), stand_in)
