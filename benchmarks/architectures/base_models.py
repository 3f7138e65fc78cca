"""Which architectures the installed transformers has."""

from __future__ import annotations


def base_models() -> dict[str, str]:
    """Return the base model's class name by model type, for every type that has one and a config."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    # Where a type has several base models, the first is the usual one.
    names = {kind: name if isinstance(name, str) else name[0] for kind, name in MODEL_MAPPING_NAMES.items()}
    return {kind: name for kind, name in names.items() if kind in CONFIG_MAPPING}
