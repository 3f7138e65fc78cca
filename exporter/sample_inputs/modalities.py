"""The inputs of each modality, the modalities that a model accepts, and those that a set of inputs contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch

from .signature import forward_parameters

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
"""The names of inputs that belong to each modality."""

MEDIA = {
    "image": ("pixel_values",),
    "video": ("pixel_values_videos",),
    "audio": ("input_features", "input_values"),
}
"""The inputs that contain an image, a video or audio; each needs placeholder tokens in the text."""


def model_modalities(model: torch.nn.Module) -> set[str]:
    """Return the modalities that the model declares; text if it declares none."""
    return config_value(model, "input_modalities", default="text")


def config_value(model: torch.nn.Module, attribute: str, *, default: str) -> set[str]:
    """Return an attribute of a model, which is a name or a list of names, as a set."""
    try:
        found = getattr(model, attribute, default)
    except Exception:  # noqa: BLE001 - a property or a `__getattr__` of the model's definition
        found = default
    return {found} if isinstance(found, str) else set(cast("list[str]", found))


def media_in(inputs: Mapping[str, object]) -> list[str]:
    """Return which of image, video and audio the inputs contain."""
    return [modality for modality, names in MEDIA.items() if any(name in inputs for name in names)]


def combines_modalities(inputs: Mapping[str, object]) -> bool:
    """Whether the inputs contain a text and other media. Only the model can check whether they fit each other."""
    return "input_ids" in inputs and bool(media_in(inputs))


def omitted_inputs(model: torch.nn.Module, inputs: Mapping[str, object]) -> list[str]:
    """Return an input for each kind of media that the model accepts and the inputs do not contain.

    Images and videos are one kind, because models process both with the same modules.
    """
    present, accepted, present_media = forward_parameters(model), model_modalities(model), set(media_in(inputs))
    missing = [kinds for kinds in ({"image", "video"}, {"audio"}) if accepted & kinds and not present_media & kinds]
    names = [[name for kind in MEDIA if kind in kinds for name in MEDIA[kind] if name in present] for kinds in missing]
    return [likeliest[0] for likeliest in names if likeliest]
