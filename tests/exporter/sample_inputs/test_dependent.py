"""Inputs of one call fit one another."""

from __future__ import annotations

import pytest
import torch
import transformers

from hpass.exporter import InputSpec
from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

pytestmark = pytest.mark.torch


def test_a_mask_fits_the_given_text(bert: transformers.BertConfig) -> None:
    loaded = LoadedModel(transformers.BertModel(bert).eval())
    inputs = next(sample_inputs(loaded, [InputSpec("input_ids", (1, 5), torch.int64)]))
    assert inputs["attention_mask"].shape == inputs["input_ids"].shape == (1, 5)
