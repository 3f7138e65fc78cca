"""The chosen models, on which the benchmark measures by default and the weights are fitted."""

from __future__ import annotations

from . import (
    zoo_plain_classifiers,
    zoo_plain_images,
    zoo_plain_sound,
    zoo_plain_text,
    zoo_plain_vectors,
    zoo_transformers,
)

# The order in which weights are fitted. It determines the batches, so new models are added at the end.
_ORDER = (
    "bert", "bert_eager", "albert", "distilbert", "mobilebert", "deberta_v2", "fnet", "electra", "gpt2", "llama",
    "opt", "mixtral", "t5", "bart", "whisper", "vit", "swin", "convnext", "resnet", "mobilenet_v2", "segformer",
    "clip", "wav2vec2", "detr_like", "levit", "poolformer", "bloom", "funnel", "layoutlm", "plain_unet",
    "plain_densenet", "plain_googlenet", "plain_gated_cnn", "plain_siamese", "plain_multi_task", "plain_parameters",
    "plain_recurrent", "plain_universal", "plain_causal_text", "plain_torch_transformer", "plain_mixer",
    "plain_recommender", "plain_generator", "plain_sound_tagger", "plain_experts", "plain_graph_net",
    "plain_code_book", "plain_pyramid", "gpt_neox", "qwen2", "roformer", "xlnet", "pegasus", "beit", "mobilevit",
    "regnet", "hubert", "dpt", "plain_wavenet", "plain_pointnet", "plain_shufflenet", "plain_denoiser",
    "plain_state_space",
)  # fmt: skip
_ZOO = (zoo_transformers, zoo_plain_classifiers, zoo_plain_images, zoo_plain_text, zoo_plain_sound, zoo_plain_vectors)
_SAMPLES = {name: sample for part in _ZOO for name, sample in part.SAMPLES.items()}

CHOSEN = {name: _SAMPLES[name] for name in sorted(_SAMPLES, key=_ORDER.index)}
