"""Insert placeholder tokens into input_ids, one per image, video or audio feature, as the processor would."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import torch

from .builder import InputBuilder


def insert_placeholders(builder: InputBuilder, modality: str, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the token ids with one placeholder per feature of the image, video or audio, after the first token.

    The number of features comes from the model's own function, such as `get_image_features`. If the model has no such
    function or it fails, the ids are returned unchanged.
    """
    ids = inputs["input_ids"]
    token = placeholder_id(builder, modality)
    features = getattr(builder.model, f"get_{modality}_features", None)
    if token is None or features is None:
        return ids
    known = {name: value for name, value in inputs.items() if name in inspect.signature(features).parameters}
    try:
        with torch.no_grad():
            result = features(**known)
    except Exception:  # noqa: BLE001 (models raise any type; the run with these inputs reports the reason)
        return ids
    count = _feature_count(getattr(result, "pooler_output", result))
    placeholders = torch.full((1, count), token, dtype=ids.dtype, device=ids.device)
    return torch.cat([ids[:, :1], placeholders, ids[:, 1:]], dim=1)


def placeholder_id(builder: InputBuilder, modality: str) -> int | None:
    """Return the id of the modality's placeholder token; None if there is none."""
    token = builder.sizes.find(f"{modality}_token_id", f"{modality}_token_index")
    return token if isinstance(token, int) else None


def _feature_count(features: Any) -> int:
    """Return the number of feature vectors in a tensor or nested lists of tensors."""
    if isinstance(features, torch.Tensor):
        return features.shape[:-1].numel()
    if isinstance(features, list | tuple):
        return sum(_feature_count(item) for item in cast("list[Any]", features))
    return 0
