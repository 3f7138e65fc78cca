"""Benchmark models of other packages, as people export them: freshly initialised, so that many parameters are equal.

A package that is not installed has no models. No weight is fitted on these models.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from .sample import Sample, floats, tokens

_IMAGE = {"x": floats(1, 3, 64, 64)}


class OneOutput(nn.Module):
    """A model that returns the first output of another one, called with fixed options."""

    def __init__(self, model: nn.Module, **options: Any) -> None:
        super().__init__()
        self.model = model
        self.options = options

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the first output."""
        found = self.model(x, **self.options) if y is None else self.model(x, y, **self.options)
        while not isinstance(found, Tensor):
            found = next(iter(found.values())) if isinstance(found, dict) else found[0]
        return found


class Detector(nn.Module):
    """The backbone and the head of a detector, without the selection of boxes."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return what the head says of all levels."""
        return list(self.head(list(self.backbone(x).values())).values())


class Tagger(nn.Module):
    """A recurrent network over embeddings of tokens, with a classifier of each token."""

    def __init__(self, recurrent: type[nn.Module], **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.recurrent = recurrent(16, 24, num_layers=2, batch_first=True, **options)
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(48 if options.get("bidirectional") else 24, 5))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of each token."""
        return self.classifier(self.recurrent(self.embedding(ids))[0])


class Attention(nn.Module):
    """Attention between two sequences, a residual connection and a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm = nn.LayerNorm(16)
        self.feed = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the first sequence, which has seen the second."""
        x = self.norm(x + self.attend(x, y, y)[0])
        return x + self.feed(x)


class Graph(nn.Module):
    """A graph network, a pooling over all nodes and a classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.classifier = nn.Linear(16, 3)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Return the logits of the graph."""
        return self.classifier(self.network(x, edges).mean(0))


def _of_package(package: str, attribute: str) -> Any:
    """Return a class or function of a package by its path in it."""
    module, _, name = f"{package}.{attribute}".rpartition(".")
    return getattr(import_module(module), name)


def _torchvision(name: str, **options: Any) -> Sample:
    return Sample(lambda: OneOutput(_of_package("torchvision", f"models.{name}")(weights=None, **options)), _IMAGE)


def _torchvision_transformer() -> Sample:
    options = {"image_size": 64, "patch_size": 16, "num_layers": 3, "num_heads": 4, "hidden_dim": 32, "mlp_dim": 48}
    return Sample(lambda: _of_package("torchvision", "models.VisionTransformer")(**options), _IMAGE)


def _detector(head: str) -> Sample:
    def build() -> nn.Module:
        detection = "models.detection"
        backbone = _of_package("torchvision", f"{detection}.backbone_utils.resnet_fpn_backbone")
        made = _of_package("torchvision", f"{detection}.{head}")(256, 3, 4)
        return Detector(backbone(backbone_name="resnet18", weights=None), made)

    return Sample(build, _IMAGE)


def _timm(name: str, **options: Any) -> Sample:
    return Sample(lambda: _of_package("timm", "create_model")(name, num_classes=10, **options), _IMAGE)


def _segmentation(name: str, encoder: str) -> Sample:
    def build() -> nn.Module:
        return _of_package("segmentation_models_pytorch", name)(encoder, encoder_weights=None, classes=4)

    return Sample(build, _IMAGE)


def _diffusers(
    name: str, inputs: Mapping[str, Tensor], call: Mapping[str, Any] | None = None, **options: Any
) -> Sample:
    def build() -> nn.Module:
        return OneOutput(_of_package("diffusers", name)(**options), return_dict=False, **(call or {}))

    return Sample(build, inputs)


def _peft(config: str, model: str, targets: list[str], **options: Any) -> Sample:
    def build() -> nn.Module:
        import transformers

        made = getattr(transformers, model)
        small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
        base = made(made.config_class(vocab_size=50, max_position_embeddings=32, use_cache=False, **small))
        adapter = _of_package("peft", config)(target_modules=targets, **options)
        return OneOutput(_of_package("peft", "get_peft_model")(base, adapter))

    return Sample(build, {"x": tokens("x")["x"]})


def _graph(name: str, **options: Any) -> Sample:
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 2], [1, 2, 3, 4, 5, 0, 3, 5]])
    return Sample(
        lambda: Graph(_of_package("torch_geometric.nn.models", name)(8, 16, 2, 16, **options)),
        {"x": floats(6, 8), "edges": edges},
    )


_UNET = {
    "sample_size": 16, "block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8,
}  # fmt: skip
_LATENTS = {"x": floats(1, 4, 16, 16), "y": torch.tensor([3])}

_OF_TORCH: Mapping[str, Sample] = {
    "torch_lstm": Sample(lambda: Tagger(nn.LSTM), tokens("ids")),
    "torch_lstm_both_ways": Sample(lambda: Tagger(nn.LSTM, bidirectional=True), tokens("ids")),
    "torch_gru": Sample(lambda: Tagger(nn.GRU), tokens("ids")),
    "torch_rnn": Sample(lambda: Tagger(nn.RNN), tokens("ids")),
    "torch_attention": Sample(Attention, {"x": floats(2, 6, 16), "y": floats(2, 5, 16)}),
    "torch_encoder": Sample(
        lambda: OneOutput(
            nn.TransformerEncoder(
                nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 3, norm=nn.LayerNorm(16),
                enable_nested_tensor=False,
            )
        ),
        {"x": floats(2, 6, 16)},
    ),
    "torch_transformer": Sample(
        lambda: OneOutput(nn.Transformer(16, 4, 2, 2, 32, batch_first=True)),
        {"x": floats(2, 6, 16), "y": floats(2, 5, 16)},
    ),
}  # fmt: skip
_OF_PACKAGES: Mapping[str, Mapping[str, Callable[[], Sample]]] = {
    "torchvision": {
        **{
            name: lambda name=name: _torchvision(name)
            for name in (
                "resnet18", "densenet121", "googlenet", "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v2",
                "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0", "regnet_y_400mf",
            )
        },
        "vision_transformer": _torchvision_transformer,
        "lraspp": lambda: _torchvision("segmentation.lraspp_mobilenet_v3_large", weights_backbone=None),
        "deeplabv3": lambda: _torchvision("segmentation.deeplabv3_mobilenet_v3_large", weights_backbone=None),
        "retinanet": lambda: _detector("retinanet.RetinaNetHead"),
        "fcos": lambda: _detector("fcos.FCOSHead"),
    },
    "timm": {
        **{
            name: lambda name=name: _timm(name)
            for name in (
                "convnext_atto", "edgenext_xx_small", "efficientvit_b0", "fastvit_t8", "ghostnet_050", "lcnet_035",
                "mobilevit_xxs", "poolformer_s12", "pvt_v2_b0", "repvgg_a0", "resnet10t", "tinynet_e",
            )
        },
        **{
            name: lambda name=name: _timm(name, img_size=64)
            for name in (
                "cait_xxs24_224", "mixer_s32_224", "pit_ti_224", "vit_tiny_patch16_224", "xcit_nano_12_p16_224",
            )
        },
    },
    "segmentation_models_pytorch": {
        "unet": lambda: _segmentation("Unet", "resnet18"),
        "unet_plus_plus": lambda: _segmentation("UnetPlusPlus", "timm-mobilenetv3_small_100"),
        "fpn": lambda: _segmentation("FPN", "mobilenet_v2"),
        "linknet": lambda: _segmentation("Linknet", "resnet18"),
        "manet": lambda: _segmentation("MAnet", "mobilenet_v2"),
        "deeplabv3plus": lambda: _segmentation("DeepLabV3Plus", "mobilenet_v2"),
        "segformer": lambda: _segmentation("Segformer", "mit_b0"),
    },
    "torch_geometric": {
        "gcn": lambda: _graph("GCN"),
        "sage": lambda: _graph("GraphSAGE"),
        "gin": lambda: _graph("GIN"),
        "gat": lambda: _graph("GAT", heads=2),
        "edge_cnn": lambda: _graph("EdgeCNN"),
    },
    "diffusers": {
        "unet_2d": lambda: _diffusers(
            "UNet2DModel", {"x": floats(1, 3, 16, 16), "y": torch.tensor([3])}, **_UNET,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        ),
        "unet_2d_condition": lambda: _diffusers(
            "UNet2DConditionModel", _LATENTS, {"encoder_hidden_states": torch.ones(1, 4, 16)}, **_UNET,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=16, attention_head_dim=4,
        ),
        "autoencoder": lambda: _diffusers(
            "AutoencoderKL", {"x": floats(1, 3, 32, 32)}, block_out_channels=(16, 32), norm_num_groups=8,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        "vq": lambda: _diffusers(
            "VQModel", {"x": floats(1, 3, 32, 32)}, block_out_channels=(16, 32), norm_num_groups=8,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
        "transformer_2d": lambda: _diffusers(
            "DiTTransformer2DModel", {"x": floats(1, 4, 16, 16)},
            {"timestep": torch.tensor([3]), "class_labels": torch.tensor([1])},
            num_layers=2, num_attention_heads=4, attention_head_dim=8, sample_size=16, norm_num_groups=8,
        ),
    },
    "peft": {
        "lora_bert": lambda: _peft("LoraConfig", "BertModel", ["query", "value"], r=4),
        "lora_llama": lambda: _peft("LoraConfig", "LlamaModel", ["q_proj", "v_proj", "down_proj"], r=4),
        "dora_bert": lambda: _peft("LoraConfig", "BertModel", ["query", "value"], r=4, use_dora=True),
        "ia3_bert": lambda: _peft(
            "IA3Config", "BertModel", ["key", "value", "output.dense"], feedforward_modules=["output.dense"]
        ),
    },
}  # fmt: skip


_SAMPLES: Mapping[str, Callable[[], Sample]] = {
    **{name: lambda sample=sample: sample for name, sample in _OF_TORCH.items()},
    **{
        f"{package}_{name}": sample
        for package, samples in _OF_PACKAGES.items()
        for name, sample in samples.items()
        if find_spec(package)
    },
}


def names() -> tuple[str, ...]:
    """Return the names of the models whose packages are installed."""
    return tuple(_SAMPLES)


def is_of_a_package(name: str) -> bool:
    """Whether a name belongs to a model of this file."""
    return name in _SAMPLES


def is_unseen(name: str) -> bool:
    """Whether a model is of the half that rules of confidence are scored on, and not found on."""
    return bool(zlib.crc32(name.encode()) % 2)


def sample(name: str) -> Sample:
    """Return the model with a name. Exceptions of its package pass through."""
    return replace(_SAMPLES[name](), fresh=True)
