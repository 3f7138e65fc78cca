"""Made-up inputs run with the model they are made for, whatever its modality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers

from hpass.errors import HpassError
from hpass.exporter import InputSpec, Options
from hpass.exporter.load import LoadedModel, load
from hpass.exporter.sample_inputs.input_sources import first_that_runs, sample_inputs

pytestmark = pytest.mark.torch

SMALL: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 36,
}  # fmt: skip
TEXT: dict[str, Any] = {**SMALL, "vocab_size": 99}
VISION: dict[str, Any] = {**SMALL, "image_size": 32, "patch_size": 8}
LAYERS: dict[str, Any] = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}


def prompted_segmenter() -> transformers.SamConfig:
    size = {"hidden_size": 32, "image_size": 64, "patch_size": 8}
    return transformers.SamConfig(
        vision_config=transformers.SamVisionConfig(
            **SMALL, image_size=64, patch_size=8, output_channels=32, num_pos_feats=16,
            global_attn_indexes=[1], window_size=4,
        ).to_dict(),
        prompt_encoder_config=size,
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 36, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
    )  # fmt: skip


CASES: dict[str, tuple[str, Callable[[], transformers.PreTrainedConfig], set[str]]] = {
    "text": ("BertModel", lambda: transformers.BertConfig(**TEXT), {"input_ids", "attention_mask"}),
    "decoder": (
        "LlamaForCausalLM",
        lambda: transformers.LlamaConfig(**TEXT, num_key_value_heads=1),
        {"input_ids", "attention_mask"},
    ),
    "encoder-decoder": (
        "BartModel",
        lambda: transformers.BartConfig(vocab_size=99, d_model=32, **LAYERS, decoder_attention_heads=2),
        {"input_ids", "attention_mask", "decoder_input_ids"},
    ),
    "layout": ("LayoutLMModel", lambda: transformers.LayoutLMConfig(**TEXT), {"input_ids", "attention_mask", "bbox"}),
    "image": ("ViTModel", lambda: transformers.ViTConfig(**VISION), {"pixel_values"}),
    "video": (
        "VideoMAEModel",
        lambda: transformers.VideoMAEConfig(**VISION, num_frames=4),
        {"pixel_values"},
    ),
    "spectrogram": (
        "ASTModel",
        lambda: transformers.ASTConfig(**SMALL, max_length=64, num_mel_bins=32),
        {"input_values"},
    ),
    "waveform": ("Wav2Vec2Model", lambda: transformers.Wav2Vec2Config(**TEXT), {"input_values"}),
    "speech to text": (
        "WhisperModel",
        lambda: transformers.WhisperConfig(
            vocab_size=99, d_model=32, **LAYERS, decoder_attention_heads=2, max_source_positions=20,
            pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
        ),
        {"input_features", "decoder_input_ids"},
    ),
    "image and text": (
        "CLIPModel",
        lambda: transformers.CLIPConfig(text_config=TEXT, vision_config=VISION),
        {"input_ids", "attention_mask", "pixel_values"},
    ),
    "image within text": (
        "LlavaForConditionalGeneration",
        lambda: transformers.LlavaConfig(
            vision_config=transformers.CLIPVisionConfig(**VISION),
            text_config=transformers.LlamaConfig(**TEXT, num_key_value_heads=1),
            image_token_index=98,
        ),
        {"input_ids", "attention_mask", "pixel_values"},
    ),
    "segmentation prompts": ("SamModel", prompted_segmenter, {"pixel_values", "input_points", "input_labels"}),
    "trajectory, from the documentation": (
        "DecisionTransformerModel",
        lambda: transformers.DecisionTransformerConfig(hidden_size=32, n_head=2, n_layer=1, state_dim=3, act_dim=2),
        {"states", "actions", "rewards", "returns_to_go", "timesteps"},
    ),
    "features of another network, from the documentation": (
        "LxmertModel",
        lambda: transformers.LxmertConfig(
            **TEXT, l_layers=1, x_layers=1, r_layers=1, visual_feat_dim=6, visual_pos_dim=4
        ),
        {"input_ids", "attention_mask", "visual_feats", "visual_pos", "visual_attention_mask", "token_type_ids"},
    ),
    "padding of a series": (
        "TimesFmModel",
        lambda: transformers.TimesFmConfig(**SMALL, head_dim=16, patch_length=8, context_length=32, horizon_length=4),
        {"past_values", "past_values_padding", "freq"},
    ),
    "codebooks beside the text": (
        "KyutaiSpeechToTextModel",
        lambda: transformers.KyutaiSpeechToTextConfig(
            **SMALL, vocab_size=99, codebook_vocab_size=20, num_codebooks=3, head_dim=16, ffn_dim=36,
            audio_bos_token_id=1, audio_pad_token_id=2, pad_token_id=3, bos_token_id=4,
        ),
        {"input_ids", "attention_mask"},
    ),
    "time series": (
        "PatchTSTModel",
        lambda: transformers.PatchTSTConfig(num_input_channels=2, context_length=32, d_model=16),
        {"past_values"},
    ),
}  # fmt: skip


def built(class_name: str, config: transformers.PreTrainedConfig) -> LoadedModel:
    return LoadedModel(getattr(transformers, class_name)(config).eval())


@pytest.mark.parametrize("case", CASES)
def test_the_inputs_that_run(case: str) -> None:
    class_name, config, names = CASES[case]
    loaded = built(class_name, config())
    inputs = first_that_runs(loaded.model, sample_inputs(loaded))
    assert {name for name in inputs if name != "past_observed_mask"} == names


@pytest.mark.parametrize("case", ["text", "decoder", "encoder-decoder", "image", "image within text", "waveform"])
def test_the_likeliest_inputs_are_the_first(case: str) -> None:
    class_name, config, names = CASES[case]
    assert set(next(sample_inputs(built(class_name, config())))) == names


class WithoutForward(transformers.PreTrainedModel):
    """A model that only holds others. The base class itself would remember, for all models, what it can set."""


def test_a_model_without_a_forward_has_no_inputs() -> None:
    loaded = LoadedModel(WithoutForward(transformers.BertConfig(**TEXT)).eval())
    with pytest.raises(HpassError, match="its inputs are unknown"):
        next(sample_inputs(loaded))


def test_an_unknown_input_is_asked_for() -> None:
    loaded = built("BertModel", transformers.BertConfig(**TEXT))
    with pytest.raises(HpassError, match=r"BertModel\.forward has no such input; it takes input_ids, "):
        next(sample_inputs(loaded, [InputSpec("pixels", (1, 5))]))


def test_inputs_that_fail_are_named_with_the_cause() -> None:
    loaded = built("BertModel", transformers.BertConfig(**TEXT))
    with pytest.raises(HpassError, match=r"needs input_ids \(the model fails with the generated ones: IndexError"):
        first_that_runs(loaded.model, [{"input_ids": torch.tensor([[1000]])}])


def test_the_same_config_gives_the_same_inputs(config_file: Callable[..., str]) -> None:
    reference = config_file(transformers.BertConfig(**TEXT), "BertModel")
    first, second = (load(reference, Options(random_weights=True)) for _ in range(2))
    one, other = next(sample_inputs(first)), next(sample_inputs(second))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))
