"""Benchmark models built from transformers configurations, tiny and with random weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .sample import Sample, dynamic, floats, huggingface, tokens

Settings = dict[str, Any]


def _images(batch: int, size: int) -> dict[str, Tensor]:
    return {"pixel_values": floats(batch, 3, size, size)}


_TEXT = tokens("input_ids", "attention_mask")
_IDS = tokens("input_ids")
_PAIR = tokens("input_ids", "attention_mask", "decoder_input_ids")
_IMAGE = _images(2, 32)
_SOUND = {"input_values": floats(2, 1200)}

_text_axes = dynamic(_TEXT, "batch", "length")
_pair_axes = dynamic(_PAIR, "batch")
_image_axes = dynamic(_IMAGE, "batch")

_SMALL: Settings = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
_SMALL_TEXT: Settings = {**_SMALL, "vocab_size": 50}
_GROUPED_HEADS: Settings = {**_SMALL_TEXT, "num_key_value_heads": 2, "use_cache": False}
_ENCODER_DECODER: Settings = {
    "vocab_size": 50,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "use_cache": False,
}
_PATCHES: Settings = {**_SMALL, "image_size": 32, "patch_size": 8}
_CONVOLVED_SOUND: Settings = {**_SMALL, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}

_ENCODERS = {
    "bert": huggingface("BertModel", _TEXT, _text_axes, **_SMALL_TEXT),
    "bert_eager": huggingface("BertForTokenClassification", _TEXT, attn_implementation="eager", **_SMALL_TEXT),
    "albert": huggingface(
        "AlbertForMaskedLM", _TEXT, _text_axes, embedding_size=16, **dict(_SMALL_TEXT, num_hidden_layers=4)
    ),
    "distilbert": huggingface(
        "DistilBertForQuestionAnswering",
        _TEXT,
        _text_axes,
        vocab_size=50,
        dim=32,
        hidden_dim=48,
        n_layers=3,
        n_heads=4,
    ),
    "mobilebert": huggingface(
        "MobileBertModel", _TEXT, _text_axes, embedding_size=16, intra_bottleneck_size=16, **_SMALL_TEXT
    ),
    "deberta_v2": huggingface(
        "DebertaV2Model", _TEXT, relative_attention=True, pos_att_type=["p2c", "c2p"], **_SMALL_TEXT
    ),
    "fnet": huggingface("FNetModel", _IDS, **_SMALL_TEXT),
    "electra": huggingface("ElectraForSequenceClassification", _TEXT, _text_axes, embedding_size=16, **_SMALL_TEXT),
    "roformer": huggingface("RoFormerModel", _TEXT, embedding_size=32, **_SMALL_TEXT),
    "xlnet": huggingface(
        "XLNetModel", _IDS, vocab_size=50, d_model=32, n_layer=2, n_head=4, d_inner=48, use_mems_eval=False
    ),
    "funnel": huggingface(
        "FunnelBaseModel",
        _TEXT,
        vocab_size=50,
        block_sizes=[1, 1],
        d_model=32,
        n_head=4,
        d_head=8,
        d_inner=48,
        num_decoder_layers=1,
    ),
    "layoutlm": huggingface(
        "LayoutLMModel",
        {**_TEXT, "bbox": torch.arange(64).reshape(2, 8, 4) % 20},
        max_2d_position_embeddings=64,
        **_SMALL_TEXT,
    ),
}

_DECODERS = {
    "gpt2": huggingface(
        "GPT2LMHeadModel", _TEXT, _text_axes, vocab_size=50, n_embd=32, n_layer=2, n_head=4, use_cache=False
    ),
    "gpt_neox": huggingface("GPTNeoXModel", _TEXT, _text_axes, use_cache=False, **_SMALL_TEXT),
    "llama": huggingface("LlamaForCausalLM", _TEXT, _text_axes, **_GROUPED_HEADS),
    "qwen2": huggingface("Qwen2ForSequenceClassification", _TEXT, pad_token_id=0, **_GROUPED_HEADS),
    "mixtral": huggingface("MixtralModel", _TEXT, num_local_experts=3, **_GROUPED_HEADS),
    "opt": huggingface(
        "OPTModel",
        _TEXT,
        _text_axes,
        vocab_size=50,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        word_embed_proj_dim=16,
        use_cache=False,
    ),
    "bloom": huggingface("BloomModel", _TEXT, vocab_size=50, hidden_size=32, n_layer=2, n_head=4, use_cache=False),
}

_ENCODERS_AND_DECODERS = {
    "t5": huggingface(
        "T5Model",
        _PAIR,
        _pair_axes,
        vocab_size=50,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        use_cache=False,
    ),
    "bart": huggingface("BartModel", _PAIR, _pair_axes, **_ENCODER_DECODER),
    "pegasus": huggingface("PegasusModel", _PAIR, _pair_axes, **_ENCODER_DECODER),
    "whisper": huggingface(
        "WhisperModel",
        {"input_features": floats(2, 16, 40), "decoder_input_ids": _IDS["input_ids"]},
        num_mel_bins=16,
        max_source_positions=20,
        max_target_positions=20,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        **_ENCODER_DECODER,
    ),
}

_VISION = {
    "vit": huggingface("ViTForImageClassification", _IMAGE, _image_axes, **_PATCHES),
    "beit": huggingface("BeitForImageClassification", _IMAGE, **_PATCHES),
    "detr_like": huggingface(
        "YolosForObjectDetection", _images(1, 32), num_detection_tokens=5, **dict(_PATCHES, image_size=[32, 32])
    ),
    "dpt": huggingface(
        "DPTForDepthEstimation",
        _IMAGE,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        is_hybrid=False,
        **dict(_PATCHES, num_hidden_layers=4),
    ),
    "swin": huggingface(
        "SwinModel",
        _IMAGE,
        image_size=32,
        patch_size=2,
        embed_dim=16,
        depths=[2, 1],
        num_heads=[2, 4],
        window_size=4,
    ),
    "convnext": huggingface(
        "ConvNextForImageClassification",
        _IMAGE,
        _image_axes,
        hidden_sizes=[8, 16, 24],
        depths=[1, 2, 1],
        num_stages=3,
    ),
    "resnet": huggingface(
        "ResNetForImageClassification",
        _IMAGE,
        _image_axes,
        embedding_size=8,
        hidden_sizes=[16, 24, 32],
        depths=[2, 2, 1],
    ),
    "regnet": huggingface(
        "RegNetForImageClassification",
        _IMAGE,
        _image_axes,
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 2],
        groups_width=8,
    ),
    "mobilenet_v2": huggingface(
        "MobileNetV2ForImageClassification", _IMAGE, _image_axes, depth_multiplier=0.25, tf_padding=False
    ),
    "mobilevit": huggingface(
        "MobileViTModel",
        _images(1, 64),
        hidden_sizes=[16, 20, 24],
        neck_hidden_sizes=[8, 8, 12, 16, 16, 16, 24],
        num_attention_heads=4,
        image_size=64,
    ),
    "segformer": huggingface(
        "SegformerForSemanticSegmentation",
        _images(1, 64),
        num_encoder_blocks=3,
        depths=[1, 2, 1],
        sr_ratios=[4, 2, 1],
        hidden_sizes=[8, 16, 24],
        patch_sizes=[7, 3, 3],
        strides=[4, 2, 2],
        num_attention_heads=[1, 2, 4],
        mlp_ratios=[2, 2, 2],
        decoder_hidden_size=16,
    ),
    "levit": huggingface(
        "LevitModel",
        _images(2, 64),
        image_size=64,
        hidden_sizes=[16, 32, 48],
        num_attention_heads=[2, 2, 3],
        depths=[1, 1, 1],
        key_dim=[8, 8, 8],
        attention_ratio=[2, 2, 2],
        mlp_ratio=[2, 2, 2],
    ),
    "poolformer": huggingface("PoolFormerModel", _IMAGE, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
    "clip": huggingface(
        "CLIPModel",
        {**_TEXT, **_IMAGE},
        text_config={**_SMALL_TEXT, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0},
        vision_config=_PATCHES,
        projection_dim=16,
    ),
}

_SPEECH = {
    "wav2vec2": huggingface(
        "Wav2Vec2ForCTC",
        _SOUND,
        vocab_size=50,
        conv_dim=[16, 16, 16],
        conv_kernel=[10, 3, 2],
        conv_stride=[5, 2, 2],
        num_feat_extract_layers=3,
        **_CONVOLVED_SOUND,
    ),
    "hubert": huggingface(
        "HubertModel",
        _SOUND,
        conv_dim=[16, 16],
        conv_kernel=[10, 3],
        conv_stride=[5, 2],
        num_feat_extract_layers=2,
        **_CONVOLVED_SOUND,
    ),
}

SAMPLES: dict[str, Sample] = _ENCODERS | _DECODERS | _ENCODERS_AND_DECODERS | _VISION | _SPEECH
