"""Texts: token ids, as many as the vocabulary of the part that reads them, and what stands beside each token."""

from __future__ import annotations

import torch

from .builder import LENGTH, Candidates, InputBuilder, InputRule, PartInputRule
from .config_sizes import Sizes

DECODER_LENGTH = 4


def _tokens(maker: InputBuilder, length: int, vocabulary: int) -> torch.Tensor:
    """Return (1, length) ordinary token ids: no special one but the end token, which is last."""
    special = maker.sizes.special_tokens()
    ordinary = torch.tensor([token for token in range(min(vocabulary, 4096)) if token not in special] or [0])
    ids = ordinary[maker.ints(len(ordinary), 1, length)]
    end = getattr(maker.sizes.text(), "eos_token_id", None)
    if isinstance(end, int) and 0 <= end < vocabulary:
        ids[:, -1] = end
    return ids


def _vocabulary(sizes: Sizes, *part: str) -> int:
    return sizes.number("vocab_size", default=2, part=part)


def _per_codebook(maker: InputBuilder, ids: torch.Tensor, codebooks: int) -> torch.Tensor:
    """Return the ids once for every codebook, small enough for each."""
    size = maker.sizes.number("codebook_vocab_size", "codebook_size", default=int(ids.max()) + 1)
    return (ids % size)[..., None].expand(-1, -1, codebooks).contiguous()


def _input_ids(maker: InputBuilder) -> Candidates:
    if "input_ids" in maker.text:
        return [maker.text["input_ids"]]
    text = maker.sizes.text()
    vocabulary = maker.sizes.number("vocab_size", default=getattr(text, "vocab_size", None) or 2)
    if getattr(maker.sizes.config, "is_encoder_decoder", False):
        vocabulary = maker.sizes.number("vocab_size", default=vocabulary, part=("encoder",))
    elif isinstance(getattr(text, "vocab_size", None), int):
        vocabulary = text.vocab_size
    ids = _tokens(maker, LENGTH, vocabulary)
    codebooks = maker.sizes.number("num_codebooks", default=0)
    # Sound by its codes may stand beside the text, step by step.
    return [ids, _per_codebook(maker, ids, codebooks), _per_codebook(maker, ids, codebooks + 1)] if codebooks else [ids]


def _decoder_input_ids(maker: InputBuilder) -> Candidates:
    decoder = getattr(maker.sizes.config, "decoder", None)
    sizes = Sizes(decoder) if hasattr(decoder, "vocab_size") else maker.sizes
    ids = _tokens(maker, DECODER_LENGTH, _vocabulary(sizes, "decoder", "text"))
    codebooks = maker.sizes.number("num_codebooks", "num_channels", default=0, part=("decoder",))
    return [ids, _per_codebook(maker, ids, codebooks)] if codebooks else [ids]


def _other_input_ids(maker: InputBuilder, part: str) -> Candidates:
    return [_tokens(maker, LENGTH, _vocabulary(maker.sizes, part, "text"))]


def _task_inputs(maker: InputBuilder) -> Candidates:
    return [_tokens(maker, maker.sizes.number("task_seq_len", default=LENGTH), _vocabulary(maker.sizes))]


def _ones(_maker: InputBuilder) -> Candidates:
    return [torch.ones(1, LENGTH, dtype=torch.int64)]


def _bbox(_maker: InputBuilder) -> Candidates:
    return [torch.tensor([[[0, 0, 1, 1]]]).expand(1, LENGTH, 4).contiguous()]


RULES: dict[str, InputRule] = {
    "input_ids": _input_ids,
    "decoder_input_ids": _decoder_input_ids,
    "task_inputs": _task_inputs,
    "attention_mask": _ones,
    "mm_token_type_ids": _ones,
    "bbox": _bbox,
}

ENDINGS: dict[str, PartInputRule] = {"_input_ids": _other_input_ids}
