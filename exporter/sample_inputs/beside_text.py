"""What stands beside a text, token by token: it follows from the text once that has room for images and sounds."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .builder import InputBuilder
from .masks import DependentRules, same_length
from .modalities import MEDIA
from .placeholder_tokens import placeholder_id

_ONE_IMAGE = 4


def _kinds_of_token(maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return 0 for text, 1 for a place of an image, 2 for one of a video, 3 for one of a sound."""
    ids = inputs["input_ids"]
    kinds = torch.zeros_like(ids)
    for kind, modality in enumerate(MEDIA, start=1):
        token = placeholder_id(maker, modality)
        if token is not None:
            kinds[ids == token] = kind
    return kinds


def _boxes(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return inputs["bbox"][:, :1].expand(-1, inputs["input_ids"].shape[1], -1).contiguous()


def _mask_of_images(_maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return which token of the text may look at which image: every one at all."""
    pixels, ids = inputs["pixel_values"], inputs["input_ids"]
    images = pixels.shape[1] if pixels.dim() > _ONE_IMAGE else 1
    return torch.ones(*ids.shape, images, dtype=torch.int64, device=ids.device)


BESIDE_TEXT: DependentRules = {
    "attention_mask": ("input_ids", same_length("input_ids", 1)),
    "mm_token_type_ids": ("input_ids", _kinds_of_token),
    "bbox": ("input_ids", _boxes),
    "image_attention_mask": ("pixel_values", _mask_of_images),
}
