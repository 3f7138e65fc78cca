"""Images as rows of patches, and the inputs that arrange the patches in a grid."""

from __future__ import annotations

import torch

from .builder import CandidateTensors, InputBuilder, InputRule
from .config_sizes import VISION
from .signature import forward_parameters

# The minimum number of patches per side. It is a multiple of 2, 3 and 4, because models merge or pool that many.
MIN_GRID_SIDE = 12


def channels(builder: InputBuilder) -> int:
    """Return the number of channels of an image."""
    return builder.sizes.number("num_channels", "in_channels", "in_chans", default=3, part=VISION)


def patches(builder: InputBuilder, frames: int = 1) -> torch.Tensor:
    """Return the flattened patches of one image, of shape (patches, channels * frames * patch height * patch width)."""
    side = _patch_side(builder)
    frames = builder.sizes.number("temporal_patch_size", default=frames, part=VISION)
    return builder.floats(grid_side(builder) ** 2, channels(builder) * frames * side * side)


def grid_side(builder: InputBuilder) -> int:
    """Return the number of patches per side: a multiple of the attention window if the config has `window_size`.

    transformers' exporter traces attention within windows as one batch, which needs windows of equal size.
    """
    window, side = (builder.sizes.number(name, default=1, part=VISION) for name in ("window_size", "patch_size"))
    return round_up(window // side if window % side == 0 else 1, MIN_GRID_SIDE)


def round_up(factor: int, minimum: int) -> int:
    """Return the smallest multiple of `factor` that is at least `minimum`."""
    return -(-minimum // factor) * factor


def packed_image(builder: InputBuilder) -> CandidateTensors | None:
    """Return an image as a row of patches; None if no input of the model arranges patches."""
    present = set(forward_parameters(builder.model))
    side = _patch_side(builder)
    if present & {"image_grid_thw", "grid_thw"}:
        flat = patches(builder)
        return [flat, flat.unflatten(1, (-1, side, side)), patches(builder, frames=2)]
    if present & {"spatial_shapes", "pixel_position_ids", "image_position_ids"}:
        return [patches(builder)[None]]
    if "target_sizes" in present:
        return [builder.floats(1, channels(builder), side, grid_side(builder) ** 2 * side)]
    return None


def _patch_side(builder: InputBuilder) -> int:
    """Return the side of a patch in pixels."""
    return builder.sizes.number("patch_size", default=14, part=VISION)


def _grid_thw(builder: InputBuilder) -> CandidateTensors:
    return [torch.tensor([[1, grid_side(builder), grid_side(builder)]])]


def _grid_sizes(builder: InputBuilder) -> CandidateTensors:
    return [torch.tensor([[grid_side(builder), grid_side(builder)]])]


def _patch_positions(builder: InputBuilder) -> CandidateTensors:
    side = torch.arange(grid_side(builder))
    return [torch.cartesian_prod(side, side)[None]]


RULES: dict[str, InputRule] = {
    "image_grid_thw": _grid_thw,
    "video_grid_thw": _grid_thw,
    "grid_thw": _grid_thw,
    "spatial_shapes": _grid_sizes,
    "target_sizes": _grid_sizes,
    "pixel_position_ids": _patch_positions,
    "image_position_ids": _patch_positions,
}
