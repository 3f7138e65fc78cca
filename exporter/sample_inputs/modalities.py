"""Which inputs belong to which modality, and which modalities a model takes and inputs hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch

from .signature import parameters

MODALITIES: dict[str, tuple[str, ...]] = {
    "text": ("input_ids", "bbox", "qformer_input_ids"),
    "image": (
        "pixel_values", "image_grid_thw", "spatial_shapes", "target_sizes", "pixel_position_ids", "image_position_ids",
        "mm_token_type_ids", "image_sizes", "input_points", "input_labels",
    ),
    "audio": ("input_values", "input_features"),
    "video": ("pixel_values_videos", "pixel_values", "video_grid_thw", "mm_token_type_ids"),
    "time": ("past_values", "past_time_features", "past_observed_mask", "future_time_features"),
}  # fmt: skip
"""What goes with each modality."""

MEDIA = {
    "image": ("pixel_values",),
    "video": ("pixel_values_videos",),
    "audio": ("input_features", "input_values"),
}
"""What holds an image, a video or a sound itself: its presence asks for room in the text."""


def modalities(model: torch.nn.Module) -> set[str]:
    """Return the modalities that the model says it takes."""
    return config_value(model, "input_modalities", default="text")


def config_value(model: torch.nn.Module, attribute: str, *, default: str) -> set[str]:
    """Return what a model says of itself, be it one name or several."""
    found = getattr(model, attribute, default)
    return {found} if isinstance(found, str) else set(cast("list[str]", found))


def media(inputs: Mapping[str, object]) -> list[str]:
    """Return which of image, video and sound the inputs hold."""
    return [modality for modality, names in MEDIA.items() if any(name in inputs for name in names)]


def joins_modalities(inputs: Mapping[str, object]) -> bool:
    """Whether a text has places for images or sounds, which only the model itself can say are right."""
    return "input_ids" in inputs and bool(media(inputs))


def omitted_inputs(model: torch.nn.Module, inputs: Mapping[str, object]) -> list[str]:
    """Return the images and sounds that the model takes too and the inputs hold none of.

    Images stand for videos: models look at both through the same modules.
    """
    present, taken, held = parameters(model), modalities(model), set(media(inputs))
    missing = [kinds for kinds in ({"image", "video"}, {"audio"}) if taken & kinds and not held & kinds]
    names = [[name for kind in MEDIA if kind in kinds for name in MEDIA[kind] if name in present] for kinds in missing]
    return [likeliest[0] for likeliest in names if likeliest]
