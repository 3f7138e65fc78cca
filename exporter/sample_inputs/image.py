"""Images and videos, with how large they were and what points at them."""

from __future__ import annotations

import torch

from .builder import Candidates, InputBuilder, InputRule, PartInputRule
from .config_sizes import VIDEO, VISION
from .modalities import modalities
from .patches import channels, multiple, packed, patches
from .signature import parameters

FRAMES = 8
# Patches along a side that some models merge into one or see as one window.
PATCHES_TOGETHER = 4


def _images(maker: InputBuilder, size: tuple[int, int], *several: int) -> torch.Tensor:
    """Return an image of a height and width, or several in a row."""
    return maker.floats(1, *several, channels(maker), *size)


def _pixel_values(maker: InputBuilder) -> Candidates:
    row = packed(maker)
    if row is not None:
        return row
    size = maker.sizes.image()
    image = _images(maker, size)
    video = _images(maker, size, maker.sizes.number("num_frames", default=FRAMES, part=VIDEO))
    pair = _images(maker, size, 2)
    taken = modalities(maker.model)
    if "video" in taken and "image" not in taken:
        return [video, image]
    # There may be several images, or several crops of one, some models compare two, and some take their patches.
    return [image, image[None], video, pair, patches(maker)[None], *_evenly_divided(maker, size)]


def _evenly_divided(maker: InputBuilder, size: tuple[int, int]) -> Candidates:
    """Return the image, and a row of one, enlarged to fours of patches: some models merge or window these."""
    height, width = size
    side = maker.sizes.number("patch_size", default=0, part=VISION) * PATCHES_TOGETHER
    if not side or (height % side == 0 and width % side == 0):
        return []
    image = _images(maker, (multiple(side, height), multiple(side, width)))
    return [image, image[None]]


def _other_pixel_values(maker: InputBuilder, part: str) -> Candidates:
    return [_images(maker, maker.sizes.image(part=(part,)))]


def _pixel_values_videos(maker: InputBuilder) -> Candidates:
    if {"video_grid_thw", "grid_thw"} & set(parameters(maker.model)):
        return [patches(maker)]
    frames = maker.sizes.number("num_frames", "frames_per_clip", default=FRAMES, part=VIDEO)
    return [_images(maker, maker.sizes.image(), frames)]


def _image_sizes(maker: InputBuilder) -> Candidates:
    return [torch.tensor([maker.sizes.image()])]


def _input_points(maker: InputBuilder) -> Candidates:
    height, width = maker.sizes.image()
    return [torch.tensor([[[[width / 2.0, height / 2.0]]]])]


def _input_labels(_maker: InputBuilder) -> Candidates:
    return [torch.ones(1, 1, 1, dtype=torch.int64)]


RULES: dict[str, InputRule] = {
    "pixel_values": _pixel_values,
    "pixel_values_videos": _pixel_values_videos,
    "image_sizes": _image_sizes,
    "input_points": _input_points,
    "input_labels": _input_labels,
}

ENDINGS: dict[str, PartInputRule] = {"_pixel_values": _other_pixel_values}
