"""What joins the inputs of one call: those that follow from another one are made anew once that is chosen."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .beside_text import BESIDE_TEXT
from .builder import InputBuilder
from .masks import DependentRules, masks
from .modalities import media
from .placeholder_tokens import insert_placeholders


def dependent_rules(model: torch.nn.Module) -> DependentRules:
    """Return what follows from another input of the model."""
    return {**masks(model), **BESIDE_TEXT}


def with_dependents(maker: InputBuilder, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Fit the inputs to one another: room for images and sounds in the text, masks as large as what they mask."""
    fitted = dict(inputs)
    _apply({name: joint for name, joint in masks(maker.model).items() if name not in BESIDE_TEXT}, maker, fitted)
    if "input_ids" in fitted:
        if "input_ids" not in maker.given:
            for modality in media(fitted):
                fitted["input_ids"] = insert_placeholders(maker, modality, fitted)
        _apply(BESIDE_TEXT, maker, fitted)
    return fitted


def _apply(follow: DependentRules, maker: InputBuilder, inputs: dict[str, torch.Tensor]) -> None:
    """Make anew the inputs that follow from another one, or leave them out with it; those that were given stay."""
    for name in follow.keys() & inputs.keys() - maker.given.keys():
        source, joint = follow[name]
        if source in inputs:
            inputs[name] = joint(maker, inputs)
        else:
            del inputs[name]
