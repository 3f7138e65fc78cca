"""Text inputs: token ids within the vocabulary of the part that reads them, and one value per token."""

from __future__ import annotations

import torch

from .builder import SEQUENCE_LENGTH, CandidateTensors, InputBuilder, InputRule, PartInputRule
from .config_sizes import Sizes

DECODER_LENGTH = 4


def _token_ids(builder: InputBuilder, length: int, vocabulary: int) -> torch.Tensor:
    """Return token ids of shape (1, length), without special tokens except the end token, which is last."""
    special = builder.sizes.special_tokens()
    ordinary = torch.tensor([token for token in range(min(vocabulary, 4096)) if token not in special] or [0])
    ids = ordinary[builder.ints(len(ordinary), 1, length)]
    end = getattr(builder.sizes.text(), "eos_token_id", None)
    if isinstance(end, int) and 0 <= end < vocabulary:
        ids[:, -1] = end
    return ids


def _vocabulary(sizes: Sizes, *part: str) -> int:
    return sizes.number("vocab_size", default=2, part=part)


def _per_codebook(builder: InputBuilder, ids: torch.Tensor, codebooks: int) -> torch.Tensor:
    """Return the ids once per codebook, of shape (1, tokens, codebooks), within the size of a codebook."""
    size = builder.sizes.number("codebook_vocab_size", "codebook_size", default=int(ids.max()) + 1)
    return (ids % size)[..., None].expand(-1, -1, codebooks).contiguous()


def _input_ids(builder: InputBuilder) -> CandidateTensors:
    if "input_ids" in builder.tokens:
        return [builder.tokens["input_ids"]]
    text = builder.sizes.text()
    vocabulary = builder.sizes.number("vocab_size", default=getattr(text, "vocab_size", None) or 2)
    if getattr(builder.sizes.config, "is_encoder_decoder", False):
        vocabulary = builder.sizes.number("vocab_size", default=vocabulary, part=("encoder",))
    elif isinstance(getattr(text, "vocab_size", None), int):
        vocabulary = text.vocab_size
    ids = _token_ids(builder, SEQUENCE_LENGTH, vocabulary)
    codebooks = builder.sizes.number("num_codebooks", default=0)
    # The codes of audio may be added to each token of the text.
    return (
        [ids, _per_codebook(builder, ids, codebooks), _per_codebook(builder, ids, codebooks + 1)]
        if codebooks
        else [ids]
    )


def _decoder_input_ids(builder: InputBuilder) -> CandidateTensors:
    decoder = getattr(builder.sizes.config, "decoder", None)
    sizes = Sizes(decoder) if hasattr(decoder, "vocab_size") else builder.sizes
    ids = _token_ids(builder, DECODER_LENGTH, _vocabulary(sizes, "decoder", "text"))
    codebooks = builder.sizes.number("num_codebooks", "num_channels", default=0, part=("decoder",))
    return [ids, _per_codebook(builder, ids, codebooks)] if codebooks else [ids]


def _part_input_ids(builder: InputBuilder, part: str) -> CandidateTensors:
    return [_token_ids(builder, SEQUENCE_LENGTH, _vocabulary(builder.sizes, part, "text"))]


def _task_inputs(builder: InputBuilder) -> CandidateTensors:
    return [
        _token_ids(builder, builder.sizes.number("task_seq_len", default=SEQUENCE_LENGTH), _vocabulary(builder.sizes))
    ]


def _ones(_maker: InputBuilder) -> CandidateTensors:
    return [torch.ones(1, SEQUENCE_LENGTH, dtype=torch.int64)]


def _bbox(_maker: InputBuilder) -> CandidateTensors:
    return [torch.tensor([[[0, 0, 1, 1]]]).expand(1, SEQUENCE_LENGTH, 4).contiguous()]


RULES: dict[str, InputRule] = {
    "input_ids": _input_ids,
    "decoder_input_ids": _decoder_input_ids,
    "task_inputs": _task_inputs,
    "attention_mask": _ones,
    "mm_token_type_ids": _ones,
    "bbox": _bbox,
}

ENDINGS: dict[str, PartInputRule] = {"_input_ids": _part_input_ids}
