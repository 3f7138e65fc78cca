from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import transformers

import hpass
from hpass.errors import HpassError
from hpass.exporter import Options, export, module_table

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models.py"


def test_the_table_of_a_reference_is_the_export_s(tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:net", tmp_path / "net.onnx")
    table = module_table(f"{MODELS}:net")
    for name, module in exported.table["modules"].items():
        # What the run did not call may be called by another: it is left open, unless it can never be.
        expected = dict(module)
        if name in ("unused", "direct"):
            del expected["called"]
        assert table["modules"][name] == expected
    assert list(table["modules"]) == list(exported.table["modules"])


@pytest.mark.slow
def test_no_weights_are_made(config_file: Callable[..., str]) -> None:
    """A model of eight terabytes has a table."""
    config = transformers.LlamaConfig(
        hidden_size=65536,
        intermediate_size=262144,
        num_hidden_layers=32,
        num_attention_heads=64,
        vocab_size=99,
    )
    modules = module_table(config_file(config, "LlamaForCausalLM"))["modules"]
    assert modules["model.layers.31.mlp.gate_proj"]["called"]
    assert modules["model.layers"]["called"] is False


def test_a_model_that_looks_at_values(config_file: Callable[..., str]) -> None:
    """torch.export finds a way where a run on the meta device stops."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 36}
    config = transformers.CLIPConfig(
        text_config={**sizes, "vocab_size": 99}, vision_config={**sizes, "image_size": 32, "patch_size": 8}
    )
    modules = module_table(config_file(config, "CLIPModel"))["modules"]
    assert [name for name, module in modules.items() if not module.get("called")] == [
        "text_model.encoder.layers",
        "vision_model.encoder.layers",
    ]


def test_a_factory_that_looks_at_its_weights_has_them() -> None:
    assert module_table(f"{MODELS}:measured") == module_table(f"{MODELS}:net")


@pytest.mark.parametrize("name", ["without_parameters", "on_cpu"])
def test_inputs_go_where_the_parameters_are(name: str) -> None:
    """The factory's inputs are made on the meta device; the module may be on another, or on none."""
    assert module_table(f"{MODELS}:{name}")["modules"]["relu"]["called"]


def test_unknown_inputs_leave_open_what_is_called() -> None:
    modules = module_table(f"{MODELS}:net_without_inputs")["modules"]
    assert modules["blocks"]["called"] is False
    assert "called" not in modules["stem"]
    assert modules["stem"]["class"] == "torch.nn.modules.conv.Conv2d"


def test_a_reference_that_cannot_be_built() -> None:
    with pytest.raises(HpassError, match="no such file"):
        module_table("nowhere.py:make")


def test_it_tags_a_file_of_another_head(
    bert: transformers.BertConfig, config_file: Callable[..., str], tmp_path: Path
) -> None:
    """The file holds a bare model without a table; the reference has the model under a prefix."""
    out = tmp_path / "bert.onnx"
    options = Options(random_weights=True, engine="torchscript")
    export(config_file(bert, "BertModel"), out, options=options)
    exact = {node.name: tag.scope for node, tag in hpass.run(out).tags()}
    proto = onnx.load(out)
    proto.ClearField("metadata_props")
    table = module_table(config_file(bert, "BertForMaskedLM"))
    run = hpass.run(proto, modules=hpass.ModuleTable.from_json(table, "the reference"))
    assert {node.name: tag.scope for node, tag in run.tags()} == exact
    assert run.modules["encoder.layer.1.attention"].class_name == "transformers.models.bert.modeling_bert.BertAttention"
