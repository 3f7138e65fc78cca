"""Room for images, videos and sounds in a text: a place for each of their features, as a processor leaves it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch

from .builder import InputBuilder


def insert_placeholders(maker: InputBuilder, modality: str, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the ids with a place for every feature of the image, video or sound.

    How many there are the model itself says (`get_image_features` and its like).
    """
    ids = inputs["input_ids"]
    token = placeholder_id(maker, modality)
    features = getattr(maker.model, f"get_{modality}_features", None)
    if token is None or features is None:
        return ids
    known = {name: value for name, value in inputs.items() if name in inspect.signature(features).parameters}
    try:
        with torch.no_grad():
            found = features(**known)
    except Exception:  # noqa: BLE001 (any model may refuse; the attempt with these inputs then says why)
        return ids
    count = _feature_count(getattr(found, "pooler_output", found))
    places = torch.full((1, count), token, dtype=ids.dtype, device=ids.device)
    return torch.cat([ids[:, :1], places, ids[:, 1:]], dim=1)


def placeholder_id(maker: InputBuilder, modality: str) -> int | None:
    """Return the token id that keeps a place for the modality; None where there is none."""
    token = maker.sizes.find(f"{modality}_token_id", f"{modality}_token_index")
    return token if isinstance(token, int) else None


def _feature_count(features: Any) -> int:
    """Return how many feature vectors a tensor, or a nest of them, holds."""
    if isinstance(features, torch.Tensor):
        return features.shape[:-1].numel()
    if isinstance(features, list | tuple):
        return sum(_feature_count(item) for item in cast("list[Any]", features))
    return 0
