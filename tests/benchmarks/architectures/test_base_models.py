from __future__ import annotations

import pytest

from benchmarks.architectures.base_models import base_models

pytestmark = pytest.mark.torch


def test_a_type_has_one_base_model() -> None:
    """Funnel has two, with and without its decoder."""
    found = base_models()
    assert (found["gpt2"], found["funnel"]) == ("GPT2Model", "FunnelModel")
