"""A small part of docs/results/architectures.md and docs/results/sweep.md, measured anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from benchmarks.architectures.isolated import Record
from benchmarks.architectures.measure import measure
from benchmarks.architectures.page import page, problems_of
from benchmarks.architectures.rows import PLAIN, ROWS
from benchmarks.architectures.sweep import try_architecture
from benchmarks.architectures.tiny import tiny_configs
from hpass.exporter import Options

pytestmark = pytest.mark.torch

FACTORIES = [row.factory for row in ROWS if row.factory is not None]


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_plain_model_is_tagged_whole_and_right(factory: str, tmp_path: Path) -> None:
    record = measure(f"{PLAIN}:{factory}", tmp_path, Options())
    assert problems_of(record) == []
    assert record["sources"]["metadata"] >= 0.9 * record["nodes"]


def test_the_odd_model_by_torchscript(tmp_path: Path) -> None:
    assert problems_of(measure(f"{PLAIN}:odd", tmp_path, Options(engine="torchscript"))) == []


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "class_name"), [("gpt2", "GPT2Model"), ("segformer", "SegformerModel")])
def test_a_slice_of_the_sweep(kind: str, class_name: str, tmp_path: Path) -> None:
    record = try_architecture(kind, class_name, tmp_path)
    assert problems_of(record) == []


def test_what_does_not_fit_the_rule_has_a_reason(tmp_path: Path) -> None:
    """The class wants another config: the record says at which stage it ended, and why."""
    record = try_architecture("gpt2", "SamModel", tmp_path)
    assert record["stage"] == "model"
    assert "config" in record["failure"]


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "mixtral", "qwen2_vl", "vit"])
def test_the_first_config_is_small_and_keeps_its_proportions(kind: str) -> None:
    default = CONFIG_MAPPING[kind]().get_text_config()
    small = next(tiny_configs(CONFIG_MAPPING[kind])).get_text_config()
    assert small.hidden_size < default.hidden_size
    assert small.num_hidden_layers == 2
    assert small.hidden_size // small.num_attention_heads == default.hidden_size // default.num_attention_heads
    assert getattr(small, "vocab_size", 0) <= 1000


def test_a_prime_number_of_heads_leaves_one() -> None:
    small = next(tiny_configs(CONFIG_MAPPING["falcon"]))
    assert (small.num_attention_heads, small.hidden_size) == (1, 64)


def test_a_setting_without_a_default_is_filled_in() -> None:
    assert any(config.prediction_length for config in tiny_configs(CONFIG_MAPPING["autoformer"]))


def test_tokens_of_different_parts_stay_different() -> None:
    small = next(tiny_configs(CONFIG_MAPPING["qwen2_vl"]))
    tokens = [
        small.image_token_id,
        small.video_token_id,
        small.text_config.bos_token_id,
        small.text_config.eos_token_id,
    ]
    assert len(set(tokens)) == len(tokens)
    assert max(tokens) < 1000


def test_a_config_hands_images_on_as_wide_as_its_text() -> None:
    configs = list(tiny_configs(CONFIG_MAPPING["qwen3_vl"]))
    assert any(config.vision_config.out_hidden_size == config.text_config.hidden_size for config in configs)


def test_a_config_has_layers_of_every_kind() -> None:
    kinds = [set(config.layers_block_type) for config in tiny_configs(CONFIG_MAPPING["jamba"])]
    assert kinds[0] < max(kinds, key=len)


def test_a_class_whose_own_defaults_fail_is_told(tmp_path: Path) -> None:
    """Fourteen heads do not divide its width of 1152."""
    record = try_architecture("aya_vision", "AyaVisionModel", tmp_path)
    assert (record["stage"], record["by default"]) == ("model", True)


def test_the_page_tells_failures_and_problems() -> None:
    good: Record = {
        "engine": "dynamo", "parameters": 1e6, "export": 4.0, "torch": 3.0, "tagging": 0.1, "nodes": 10,
        "coverage": 1.0, "auxiliary": 2, "sources": {"metadata": 9, "inherited": 1}, "errors": [], "modules": 3,
        "called": 4, "invented": [], "never called": [], "lost": {"drop": "does nothing at inference"},
        "wrong classes": [], "difference": 1e-6, "relative": 1e-7, "outputs": 1,
    }  # fmt: skip
    bad = {**good, "coverage": 0.9, "invented": ["ghost"], "relative": float("nan")}
    rows = [(ROWS[0], {"dynamo": good}), (ROWS[1], {"dynamo": bad, "torchscript": {"failure": "no such operator"}})]
    text = page(rows, "torch 0")
    assert "| SimpleCNN | 1.0 M | 10 | 3 of 4 | 2 | 9 | 1 inherited | 100% | 4.0 | 0.10 | 1.0e-06 (1e-07) |" in text
    assert "| SimpleCNN | `drop` | does nothing at inference |" in text
    assert f"- {ROWS[1].name}, dynamo: 90.00% of the nodes tagged" in text
    assert f"- {ROWS[1].name}, dynamo: no module of the model: ghost" in text
    assert f"- {ROWS[1].name}, torchscript: failed: no such operator" in text
    assert problems_of(bad)[-1] == "outputs differ by 1.0e-06"
