"""Texts are of the tokenizer where there is one."""

from __future__ import annotations

import pytest
import torch
import transformers

from hpass.exporter.load import LoadedModel
from hpass.exporter.sample_inputs.input_sources import sample_inputs

pytestmark = pytest.mark.torch


def test_the_tokenizer_s_text_is_used(bert: transformers.BertConfig) -> None:
    text = torch.tensor([[2, 3, 4]])
    model = transformers.BertModel(bert).eval()
    inputs = next(sample_inputs(LoadedModel(model, tokens={"input_ids": text})))
    assert inputs["input_ids"] is text
