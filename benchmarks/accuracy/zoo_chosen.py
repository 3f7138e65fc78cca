"""The chosen models: what the command measures, and what weights are fitted on."""

from __future__ import annotations

from . import zoo_further, zoo_plain, zoo_transformers

# Weights are fitted in this order, and batches hang on it: a new model goes to the end.
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
_SAMPLES = zoo_transformers.SAMPLES | zoo_plain.SAMPLES | zoo_further.SAMPLES

CHOSEN = {name: _SAMPLES[name] for name in sorted(_SAMPLES, key=_ORDER.index)}
