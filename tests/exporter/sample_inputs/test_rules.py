"""The rule for an input is known by its name, or by what that ends with."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

pytestmark = pytest.mark.torch


class Compared(nn.Module):
    """Takes a text and an image, and others that only their names and its documentation tell."""

    main_input_name = "pixel_values"
    input_modalities = ("image", "text")

    def forward(  # noqa: PLR0917 (the signature is what is tested)
        self,
        pixel_values: torch.Tensor,
        prompt_pixel_values: torch.Tensor,
        task_input_ids: torch.LongTensor,
        task_attention_mask: torch.BoolTensor,
        audio_mel: torch.Tensor,
        audio_mel_mask: torch.BoolTensor,
        action_embeds: torch.Tensor,
    ) -> None:
        """Return nothing: what it is given counts."""


def test_a_further_input_is_like_the_one_its_name_ends_with() -> None:
    model = Compared()
    prompt = SimpleNamespace(model_type="prompt", to_dict=dict, image_size=32, vocab_size=7)
    text = SimpleNamespace(model_type="text", to_dict=dict, hidden_size=6, vocab_size=5)
    model.config = SimpleNamespace(image_size=64, patch_size=24, num_mel_bins=20, prompt=prompt, task=text)
    inputs = list(sample_inputs(LoadedModel(model)))
    assert {name: tuple(value.shape) for name, value in inputs[0].items()} == {
        "pixel_values": (1, 3, 64, 64),
        "prompt_pixel_values": (1, 3, 32, 32),
        "task_input_ids": (1, 16),
        "task_attention_mask": (1, 16),
        "audio_mel": (1, 128, 20),
        "audio_mel_mask": (1, 128),
        "action_embeds": (1, 16, 6),
    }
    assert inputs[0]["task_input_ids"].max() < 5
    assert inputs[0]["audio_mel_mask"].dtype == torch.bool
    # Four patches of 24 pixels are the least that is wider than the image.
    assert (1, 3, 96, 96) in {tuple(made["pixel_values"].shape) for made in inputs}
