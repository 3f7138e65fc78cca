"""Images are as large as the config or the processor says."""

from __future__ import annotations

import pytest
import transformers

from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

pytestmark = pytest.mark.torch


def test_the_processor_sizes_an_image_that_the_config_does_not() -> None:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])
    model = transformers.ResNetModel(config).eval()
    sized = LoadedModel(model, processor={"size": {"shortest_edge": 70}, "crop_size": {"height": 64, "width": 48}})
    assert next(sample_inputs(sized))["pixel_values"].shape == (1, 3, 64, 48)
    assert next(sample_inputs(LoadedModel(model)))["pixel_values"].shape == (1, 3, 224, 224)
