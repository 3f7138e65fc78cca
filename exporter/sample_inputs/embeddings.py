"""Embeddings as inputs, in place of a text or an image."""

from __future__ import annotations

from .builder import SEQUENCE_LENGTH, CandidateTensors, InputBuilder, InputRule, PartInputRule
from .patches import patches
from .signature import forward_parameters

_WIDTH_SETTINGS = ("hidden_size", "d_model", "embed_dim", "dim")


def _embeddings(builder: InputBuilder) -> CandidateTensors:
    width = builder.sizes.number(*_WIDTH_SETTINGS, default=1)
    return [
        builder.floats(1, SEQUENCE_LENGTH, width),
        builder.floats(1, width, SEQUENCE_LENGTH),
        builder.floats(SEQUENCE_LENGTH, width),
    ]


def _hidden_states(builder: InputBuilder) -> CandidateTensors:
    """Return the patches of an image if the model takes a grid of patches, else embeddings."""
    return [patches(builder)] if "grid_thw" in forward_parameters(builder.model) else _embeddings(builder)


def _encoder_hidden_states(builder: InputBuilder) -> CandidateTensors:
    width = builder.sizes.number("encoder_hidden_size", "cross_attention_dim", "hidden_size", default=1)
    return [builder.floats(1, SEQUENCE_LENGTH, width)]


def _part_embeddings(builder: InputBuilder, _part: str) -> CandidateTensors:
    """Return embeddings of the width of each part of the model."""
    widths = dict.fromkeys(builder.sizes.every(*_WIDTH_SETTINGS))
    return [builder.floats(1, SEQUENCE_LENGTH, width) for width in widths]


RULES: dict[str, InputRule] = {
    "inputs_embeds": _embeddings,
    "inputs": _embeddings,
    "query_embeds": _embeddings,
    "hidden_states": _hidden_states,
    "encoder_hidden_states": _encoder_hidden_states,
}

ENDINGS: dict[str, PartInputRule] = {"_embeds": _part_embeddings, "_hidden_states": _part_embeddings}
