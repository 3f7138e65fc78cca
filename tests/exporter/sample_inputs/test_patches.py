"""Packed images are arranged by a grid that fits the model."""

from __future__ import annotations

import pytest
import transformers

from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

pytestmark = pytest.mark.torch


def test_a_packed_image_is_made_of_whole_windows() -> None:
    config = transformers.Qwen2_5_VLVisionConfig(
        hidden_size=32, intermediate_size=36, num_heads=2, depth=1, patch_size=4, window_size=32, out_hidden_size=32
    )
    model = transformers.Qwen2_5_VisionTransformerPretrainedModel(config).eval()
    inputs = next(sample_inputs(LoadedModel(model)))
    assert inputs["grid_thw"].tolist() == [[1, 16, 16]]
    assert len(inputs["hidden_states"]) == 16 * 16
