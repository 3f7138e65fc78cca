"""Images packed into rows of patches, and what arranges the patches."""

from __future__ import annotations

import torch

from .builder import Candidates, InputBuilder, InputRule
from .config_sizes import VISION
from .signature import parameters

# Patches along each side of a packed image, at least: what merges or pools patches finds a multiple of 2, 3 and 4.
GRID = 12


def channels(maker: InputBuilder) -> int:
    """Return how many channels an image has."""
    return maker.sizes.number("num_channels", "in_channels", "in_chans", default=3, part=VISION)


def patches(maker: InputBuilder, frames: int = 1) -> torch.Tensor:
    """Return the flattened patches of one image, as packed vision encoders take them."""
    side = _side_of_patch(maker)
    frames = maker.sizes.number("temporal_patch_size", default=frames, part=VISION)
    return maker.floats(side_of_grid(maker) ** 2, channels(maker) * frames * side * side)


def side_of_grid(maker: InputBuilder) -> int:
    """Return the patches along each side of a packed image: whole windows where the config tells their size in pixels.

    transformers' exporter traces attention within windows as one batch, which only windows of one size make.
    """
    window, side = (maker.sizes.number(name, default=1, part=VISION) for name in ("window_size", "patch_size"))
    return multiple(window // side if window % side == 0 else 1, GRID)


def multiple(number: int, least: int) -> int:
    """Return the first multiple of the number that is not below the least."""
    return -(-least // number) * number


def packed(maker: InputBuilder) -> Candidates | None:
    """Return an image as a packed row of patches, which some other input then arranges; None where none does."""
    present = set(parameters(maker.model))
    side = _side_of_patch(maker)
    if present & {"image_grid_thw", "grid_thw"}:
        flat = patches(maker)
        return [flat, flat.unflatten(1, (-1, side, side)), patches(maker, frames=2)]
    if present & {"spatial_shapes", "pixel_position_ids", "image_position_ids"}:
        return [patches(maker)[None]]
    if "target_sizes" in present:
        return [maker.floats(1, channels(maker), side, side_of_grid(maker) ** 2 * side)]
    return None


def _side_of_patch(maker: InputBuilder) -> int:
    """Return the pixels along each side of a patch."""
    return maker.sizes.number("patch_size", default=14, part=VISION)


def _grid(maker: InputBuilder) -> Candidates:
    return [torch.tensor([[1, side_of_grid(maker), side_of_grid(maker)]])]


def _sides(maker: InputBuilder) -> Candidates:
    return [torch.tensor([[side_of_grid(maker), side_of_grid(maker)]])]


def _positions(maker: InputBuilder) -> Candidates:
    side = torch.arange(side_of_grid(maker))
    return [torch.cartesian_prod(side, side)[None]]


RULES: dict[str, InputRule] = {
    "image_grid_thw": _grid,
    "video_grid_thw": _grid,
    "grid_thw": _grid,
    "spatial_shapes": _sides,
    "target_sizes": _sides,
    "pixel_position_ids": _positions,
    "image_position_ids": _positions,
}
