"""Rows of docs/results/architectures.md: plain torch.nn models, and transformers configs with random weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAIN = Path(__file__).with_name("plain.py")


@dataclass(frozen=True)
class Row:
    """One architecture: a factory of plain.py, or a config class with the settings of the real model.

    `head` is the class of the model. `ordinary` marks the models of ordinary size, for which there is a time target.
    """

    name: str
    factory: str | None = None
    config: str | None = None
    head: str | None = None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    ordinary: bool = False

    @property
    def slug(self) -> str:
        """The name in a form that is valid as a file name."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower()).strip("-")


_RESNET_BACKBONE = {"model_type": "resnet", "out_features": ["stage4"]}

ROWS = (
    Row("SimpleCNN", factory="simple_cnn"),
    Row("CNN with grouped, dilated and transposed convolutions", factory="unusual_convolutions"),
    Row("Custom auxiliary model", factory="auxiliary"),
    Row("Convolution and MLP", factory="convolution_and_mlp"),
    Row("Attention and convolution", factory="attention_and_convolution"),
    Row("Deliberately odd", factory="odd"),
    Row(
        "BERT-tiny", config="BertConfig", head="BertModel",
        settings={"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512},
    ),
    Row("BERT-base", config="BertConfig", head="BertModel", ordinary=True),
    Row("DistilBERT", config="DistilBertConfig", head="DistilBertForMaskedLM"),
    Row("ALBERT-base (shared layers)", config="AlbertConfig", head="AlbertModel",
        settings={"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}),
    Row("ResNet-50", config="ResNetConfig", head="ResNetForImageClassification", ordinary=True),
    Row("ConvNeXt-tiny", config="ConvNextConfig", head="ConvNextForImageClassification"),
    Row("MobileNetV2", config="MobileNetV2Config", head="MobileNetV2ForImageClassification"),
    Row("GPT-2 (124 M)", config="GPT2Config", head="GPT2LMHeadModel", ordinary=True),
    Row(
        "Llama family (SmolLM-135M)", config="LlamaConfig", head="LlamaForCausalLM",
        settings={
            "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
            "intermediate_size": 1536, "vocab_size": 49152, "tie_word_embeddings": True,
        },
    ),
    Row(
        "Mixture of experts (Mixtral, small)", config="MixtralConfig", head="MixtralForCausalLM",
        settings={
            "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
            "intermediate_size": 512, "vocab_size": 8000,
        },
    ),
    Row("T5-small", config="T5Config", head="T5ForConditionalGeneration",
        settings={"decoder_start_token_id": 0}),
    Row(
        "Whisper-tiny", config="WhisperConfig", head="WhisperForConditionalGeneration",
        settings={
            "d_model": 384, "encoder_layers": 4, "decoder_layers": 4, "encoder_attention_heads": 6,
            "decoder_attention_heads": 6, "encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536,
        },
    ),
    Row("ViT-base", config="ViTConfig", head="ViTForImageClassification", ordinary=True),
    Row("Swin-tiny", config="SwinConfig", head="SwinForImageClassification"),
    Row("SegFormer-B0", config="SegformerConfig", head="SegformerForSemanticSegmentation"),
    Row(
        "DETR (ResNet-50)", config="DetrConfig", head="DetrForObjectDetection",
        settings={"use_timm_backbone": False, "backbone": None, "backbone_config": _RESNET_BACKBONE},
    ),
    Row("CLIP (ViT-B/32)", config="CLIPConfig", head="CLIPModel"),
    Row("Wav2Vec2-base", config="Wav2Vec2Config", head="Wav2Vec2ForCTC"),
    Row("Mamba-130M", config="MambaConfig", head="MambaForCausalLM",
        settings={"hidden_size": 768, "num_hidden_layers": 24}),
    Row(
        "SAM ViT-huge (641 M)", config="SamConfig", head="SamModel",
        settings={
            "vision_config": {
                "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "mlp_dim": 5120,
                "global_attn_indexes": [7, 15, 23, 31],
            }
        },
    ),
)  # fmt: skip
