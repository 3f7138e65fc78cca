"""The architectures of the installed transformers."""

from __future__ import annotations


def base_models() -> dict[str, str]:
    """Return the class name of the base model by model type, for every type that has a base model and a config."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    # If a type has several base models, the first is the usual one.
    names = {kind: name if isinstance(name, str) else name[0] for kind, name in MODEL_MAPPING_NAMES.items()}
    return {kind: name for kind, name in names.items() if kind in CONFIG_MAPPING}
