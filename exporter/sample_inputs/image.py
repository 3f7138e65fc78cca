"""Image and video inputs, with image sizes and prompt points."""

from __future__ import annotations

import torch

from .builder import CandidateTensors, InputBuilder, InputRule, PartInputRule
from .config_sizes import VIDEO, VISION
from .modalities import model_modalities
from .patches import channels, packed_image, patches, round_up
from .signature import forward_parameters

VIDEO_FRAMES = 8
# The number of patches per side that some models merge into one patch or process as one window.
MERGED_PATCHES = 4


def _images(builder: InputBuilder, size: tuple[int, int], *counts: int) -> torch.Tensor:
    """Return pixels of shape (1, *counts, channels, height, width)."""
    return builder.floats(1, *counts, channels(builder), *size)


def _pixel_values(builder: InputBuilder) -> CandidateTensors:
    packed_row = packed_image(builder)
    if packed_row is not None:
        return packed_row
    size = builder.sizes.image()
    image = _images(builder, size)
    video = _images(builder, size, builder.sizes.number("num_frames", default=VIDEO_FRAMES, part=VIDEO))
    pair = _images(builder, size, 2)
    accepted = model_modalities(builder.model)
    if "video" in accepted and "image" not in accepted:
        return [video, image]
    # One image, several images or crops, frames of a video, a pair of images, or patches.
    return [image, image[None], video, pair, patches(builder)[None], *_enlarged_images(builder, size)]


def _enlarged_images(builder: InputBuilder, size: tuple[int, int]) -> CandidateTensors:
    """Return images whose sides are multiples of MERGED_PATCHES patches; none if the sides already are."""
    height, width = size
    factor = builder.sizes.number("patch_size", default=0, part=VISION) * MERGED_PATCHES
    if not factor or (height % factor == 0 and width % factor == 0):
        return []
    image = _images(builder, (round_up(factor, height), round_up(factor, width)))
    return [image, image[None]]


def _part_pixel_values(builder: InputBuilder, part: str) -> CandidateTensors:
    return [_images(builder, builder.sizes.image(part=(part,)))]


def _pixel_values_videos(builder: InputBuilder) -> CandidateTensors:
    if {"video_grid_thw", "grid_thw"} & set(forward_parameters(builder.model)):
        return [patches(builder)]
    frames = builder.sizes.number("num_frames", "frames_per_clip", default=VIDEO_FRAMES, part=VIDEO)
    return [_images(builder, builder.sizes.image(), frames)]


def _image_sizes(builder: InputBuilder) -> CandidateTensors:
    return [torch.tensor([builder.sizes.image()])]


def _input_points(builder: InputBuilder) -> CandidateTensors:
    height, width = builder.sizes.image()
    return [torch.tensor([[[[width / 2.0, height / 2.0]]]])]


def _input_labels(_maker: InputBuilder) -> CandidateTensors:
    return [torch.ones(1, 1, 1, dtype=torch.int64)]


RULES: dict[str, InputRule] = {
    "pixel_values": _pixel_values,
    "pixel_values_videos": _pixel_values_videos,
    "image_sizes": _image_sizes,
    "input_points": _input_points,
    "input_labels": _input_labels,
}

ENDINGS: dict[str, PartInputRule] = {"_pixel_values": _part_pixel_values}
