"""Vectors in place of a text or an image: what the first layers of a model, or another model, would make of it."""

from __future__ import annotations

from .builder import LENGTH, Candidates, InputBuilder, InputRule, PartInputRule
from .patches import patches
from .signature import parameters

_WIDTH = ("hidden_size", "d_model", "embed_dim", "dim")


def _embeddings(maker: InputBuilder) -> Candidates:
    width = maker.sizes.number(*_WIDTH, default=1)
    return [maker.floats(1, LENGTH, width), maker.floats(1, width, LENGTH), maker.floats(LENGTH, width)]


def _hidden_states(maker: InputBuilder) -> Candidates:
    """Return the patches of an image where a grid arranges them, else embeddings."""
    return [patches(maker)] if "grid_thw" in parameters(maker.model) else _embeddings(maker)


def _encoder_hidden_states(maker: InputBuilder) -> Candidates:
    width = maker.sizes.number("encoder_hidden_size", "cross_attention_dim", "hidden_size", default=1)
    return [maker.floats(1, LENGTH, width)]


def _other_embeddings(maker: InputBuilder, _part: str) -> Candidates:
    """Return embeddings as wide as any part of the model: they may be of any of them."""
    widths = dict.fromkeys(maker.sizes.every(*_WIDTH))
    return [maker.floats(1, LENGTH, width) for width in widths]


RULES: dict[str, InputRule] = {
    "inputs_embeds": _embeddings,
    "inputs": _embeddings,
    "query_embeds": _embeddings,
    "hidden_states": _hidden_states,
    "encoder_hidden_states": _encoder_hidden_states,
}

ENDINGS: dict[str, PartInputRule] = {"_embeds": _other_embeddings, "_hidden_states": _other_embeddings}
