"""Inputs that depend on other inputs of the same call."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .builder import InputBuilder
from .masks import DependentRules, masks, same_length
from .modalities import MEDIA, media_in
from .placeholder_tokens import insert_placeholders, placeholder_id

# The rank of pixel values of one image: batch, channels, height, width.
_SINGLE_IMAGE_RANK = 4


def dependent_rules(model: torch.nn.Module) -> DependentRules:
    """Return the rules of all inputs that depend on another input."""
    return {**masks(model), **TEXT_DEPENDENTS}


def with_dependents(builder: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Insert placeholder tokens into the text, and recompute the inputs that depend on others, such as masks."""
    result = dict(inputs)
    _apply({name: rule for name, rule in masks(builder.model).items() if name not in TEXT_DEPENDENTS}, builder, result)
    if "input_ids" in result:
        if "input_ids" not in builder.given:
            for modality in media_in(result):
                result["input_ids"] = insert_placeholders(builder, modality, result)
        _apply(TEXT_DEPENDENTS, builder, result)
    return result


def _apply(rules: DependentRules, builder: InputBuilder, inputs: dict[str, torch.Tensor]) -> None:
    """Recompute, in place, the inputs that depend on others. Remove them if the other input is missing.

    Given inputs are not changed.
    """
    for name in rules.keys() & inputs.keys() - builder.given.keys():
        source, rule = rules[name]
        if source in inputs:
            inputs[name] = rule(builder, inputs)
        else:
            del inputs[name]


def _token_types(builder: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the type of each token: 0 for text, 1, 2 and 3 for placeholders of images, videos and audio."""
    ids = inputs["input_ids"]
    types = torch.zeros_like(ids)
    for token_type, modality in enumerate(MEDIA, start=1):
        token = placeholder_id(builder, modality)
        if token is not None:
            types[ids == token] = token_type
    return types


def _bounding_boxes(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return inputs["bbox"][:, :1].expand(-1, inputs["input_ids"].shape[1], -1).contiguous()


def _image_attention_mask(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask of shape (batch, tokens, images) in which every token attends to every image."""
    pixels, ids = inputs["pixel_values"], inputs["input_ids"]
    images = pixels.shape[1] if pixels.dim() > _SINGLE_IMAGE_RANK else 1
    return torch.ones(*ids.shape, images, dtype=torch.int64, device=ids.device)


TEXT_DEPENDENTS: DependentRules = {
    "attention_mask": ("input_ids", same_length("input_ids", 1)),
    "mm_token_type_ids": ("input_ids", _token_types),
    "bbox": ("input_ids", _bounding_boxes),
    "image_attention_mask": ("pixel_values", _image_attention_mask),
}
