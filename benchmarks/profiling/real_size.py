"""Models at their real size with random weights, for `hpass export benchmarks/profiling/real_size.py:bert OUT.onnx`."""

from __future__ import annotations

import transformers


def bert() -> transformers.PreTrainedModel:
    """Return BERT base."""
    return transformers.BertModel(transformers.BertConfig())


def gpt2() -> transformers.PreTrainedModel:
    """Return GPT-2."""
    return transformers.GPT2LMHeadModel(transformers.GPT2Config())


def resnet50() -> transformers.PreTrainedModel:
    """Return ResNet-50."""
    return transformers.ResNetForImageClassification(transformers.ResNetConfig())


def mobilenet() -> transformers.PreTrainedModel:
    """Return MobileNet V2."""
    return transformers.MobileNetV2ForImageClassification(transformers.MobileNetV2Config())


def vit() -> transformers.PreTrainedModel:
    """Return ViT base."""
    return transformers.ViTForImageClassification(transformers.ViTConfig())


def swin() -> transformers.PreTrainedModel:
    """Return Swin tiny."""
    return transformers.SwinForImageClassification(transformers.SwinConfig())


def segformer() -> transformers.PreTrainedModel:
    """Return SegFormer B0."""
    return transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig())


def whisper() -> transformers.PreTrainedModel:
    """Return Whisper tiny."""
    config = transformers.WhisperConfig(
        d_model=384,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=6,
        decoder_attention_heads=6,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
    )
    return transformers.WhisperForConditionalGeneration(config)
