"""Tiny models of transformers, as config files, and what the exporter's tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

MODELS = Path(__file__).parent / "models.py"

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 36}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a config with an architecture and returns the path of the file."""

    def write(config: transformers.PreTrainedConfig, architecture: str | None = None) -> str:
        config.architectures = None if architecture is None else [architecture]
        folder = tmp_path / config.model_type
        config.save_pretrained(folder)
        return str(folder / "config.json")

    return write


@pytest.fixture
def bert() -> transformers.BertConfig:
    """Return the config of a BERT of two layers."""
    return transformers.BertConfig(vocab_size=99, **small())


def small() -> dict[str, Any]:
    """Return the sizes of a tiny transformer."""
    return dict(SMALL)
