from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import transformers

import hpass
from hpass.errors import HpassError, UsageError
from hpass.exporter import Exported, Options, export, parse_input
from hpass.exporter.load import load

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models.py"


def embedded_table(path: Path) -> dict[str, Any]:
    properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return json.loads(properties["module_table"])["modules"]


def scopes(path: Path) -> set[str]:
    """Return the scopes that the exporter wrote on the nodes."""
    found: set[str] = set()
    for node in onnx.load(path).graph.node:
        for entry in node.metadata_props:
            if entry.key == "pkg.torch.onnx.name_scopes":
                found.add(ast.literal_eval(entry.value)[-2])
    return found


def shape_of(value: onnx.ValueInfoProto) -> list[int]:
    """Return the fixed shape of a value."""
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def difference(exported: Exported, reference: str, options: Options) -> float:
    """Return the largest difference between torch's outputs and onnxruntime's."""
    loaded = load(reference, options)
    inputs = exported.inputs
    with torch.no_grad():
        expected = torch.utils._pytree.tree_leaves(loaded.model(**inputs))
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    feed = {value.name: inputs[value.name].numpy() for value in session.get_inputs()}
    tensors = [value for value in expected if isinstance(value, torch.Tensor)]
    found = session.run(None, feed)
    assert [value.shape for value in found[: len(tensors)]] == [tuple(value.shape) for value in tensors]
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, tensors, strict=False))


@pytest.mark.parametrize("engine", ["dynamo", "torchscript"])
def test_a_factory_s_model_computes_the_same(engine: Any, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    [exported] = export(f"{MODELS}:net", out, options=Options(engine=engine))
    assert (exported.path, exported.engine, exported.data) == (out, engine, ())
    assert exported.nodes == len(onnx.load(out).graph.node)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert difference(exported, f"{MODELS}:net", Options()) < 1e-5


def test_modules_in_branches_may_be_called(tmp_path: Path) -> None:
    """Dynamo traces the branches of torch.cond, where calls cannot be recorded."""
    [exported] = export(f"{MODELS}:either", tmp_path / "either.onnx", options=Options(engine="dynamo"))

    assert {name: module.get("called") for name, module in exported.table["modules"].items()} == {
        "": True,
        "one": None,
        "other": None,
        "last": True,
    }
    found = {tag.scope for node, tag in hpass.run(exported.path).tags() if node.op == "Gemm"}
    assert found == {"one", "other", "last"}
    assert difference(exported, f"{MODELS}:either", Options()) < 1e-5


def test_inputs_worked_out_beforehand_are_told(config_file: Callable[..., str], tmp_path: Path) -> None:
    """Where the images of a packed row begin and end depends on values, so the file takes it as an input."""
    config = transformers.Glm4vVisionConfig(
        hidden_size=32, depth=1, num_heads=2, intermediate_size=48, out_hidden_size=32, patch_size=4, image_size=16
    )
    options = Options(random_weights=True)
    [exported] = export(config_file(config, "Glm4vVisionModel"), tmp_path / "vision.onnx", options=options)
    names = {value.name for value in onnx.load(exported.path).graph.input}
    assert "cu_seqlens" in names <= set(exported.inputs)


@pytest.mark.slow
def test_images_that_do_not_fit_the_text_are_left_out(config_file: Callable[..., str], tmp_path: Path) -> None:
    """The image's features are narrower than the text's, which the model does not check while it is traced."""
    text = {
        "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 36,
        "num_key_value_heads": 1, "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
    }  # fmt: skip
    vision = {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 36, "out_hidden_size": 24}
    config = transformers.Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=98, video_token_id=97, vision_start_token_id=96
    )
    reference = config_file(config, "Qwen2_5_VLModel")
    [exported] = export(reference, tmp_path / "vl.onnx", options=Options(random_weights=True))
    assert exported.omitted_inputs == ("pixel_values",)
    assert "pixel_values" not in exported.inputs


def test_torchscript_traces_what_has_a_fused_path(tmp_path: Path) -> None:
    options = Options(engine="torchscript")
    [exported] = export(f"{MODELS}:attention", tmp_path / "layer.onnx", options=options)
    assert torch.backends.mha.get_fastpath_enabled()
    assert {"/self_attn/MatMul", "/linear1/Add"} <= {node.name for node in onnx.load(exported.path).graph.node}
    assert difference(exported, f"{MODELS}:attention", options) < 1e-5


def test_torchscript_reads_strides_in_memory(tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:overlapping", tmp_path / "net.onnx", options=Options(engine="torchscript"))
    assert difference(exported, f"{MODELS}:overlapping", Options()) == 0


def test_an_engine_that_writes_an_invalid_model_is_passed_over(tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:squeezed", tmp_path / "net.onnx")
    assert exported.engine == "torchscript"
    assert difference(exported, f"{MODELS}:squeezed", Options()) < 1e-6
    with pytest.raises(HpassError, match=r"dynamo: InvalidModelError: .*must be 1 instead of 4"):
        export(f"{MODELS}:squeezed", tmp_path / "net.onnx", options=Options(engine="dynamo"))


def test_a_config_that_asks_for_a_loss_is_exported_without(
    bert: transformers.BertConfig, config_file: Callable[..., str], tmp_path: Path
) -> None:
    bert.return_loss = True
    options = Options(random_weights=True, engine="dynamo")
    [exported] = export(config_file(bert, "BertModel"), tmp_path / "out.onnx", options=options)
    assert exported.engine == "dynamo"


def test_the_table_says_what_each_module_is_and_whether_it_is_called(tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:net", tmp_path / "net.onnx", modules_out=tmp_path / "table.json")
    table = embedded_table(exported.path)
    assert table[""] == {"class": "models.Net", "kind": "own", "called": True, "order": 0}
    assert table["blocks.0"] == {
        "class": "models.Block", "kind": "own", "called": True, "order": 2, "aliases": ["again"],
    }  # fmt: skip
    assert table["blocks.0.conv"]["parameters"] == ["weight", "bias"]
    assert table["head"]["class"] == "torch.nn.modules.container.Sequential"
    assert [name for name, module in table.items() if not module["called"]] == ["blocks", "unused", "direct"]
    assert exported.modules_file == tmp_path / "table.json"
    assert json.loads((tmp_path / "table.json").read_text())["modules"] == table == exported.table["modules"]
    names = {name for name, _ in load(f"{MODELS}:net", Options()).model.named_modules(remove_duplicate=False)}
    assert {"", "stem", "blocks.1.act", "again.conv", "head.1"} <= scopes(exported.path) <= names


@pytest.mark.parametrize("engine", ["dynamo", "torchscript"])
def test_named_inputs_and_outputs_in_a_dict(engine: Any, tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:pair", tmp_path / "pair.onnx", options=Options(engine=engine))
    graph = onnx.load(exported.path).graph
    assert [value.name for value in graph.input] == ["left", "right"]
    assert difference(exported, f"{MODELS}:pair", Options()) < 1e-5


def test_the_shapes_of_the_command_line_win(tmp_path: Path) -> None:
    options = Options(inputs=[parse_input("left=5x4"), parse_input("right=5x4")])
    [exported] = export(f"{MODELS}:pair", tmp_path / "pair.onnx", options=options)
    sizes = [axis.dim_value for axis in onnx.load(exported.path).graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [5, 4]


def test_dynamic_leaves_the_axes_open(tmp_path: Path) -> None:
    [exported] = export(f"{MODELS}:pair", tmp_path / "pair.onnx", options=Options(dynamic=True))
    [batch, _] = onnx.load(exported.path).graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param


@pytest.mark.parametrize("engine", ["dynamo", "torchscript"])
def test_a_config_alone(
    engine: Any, bert: transformers.BertConfig, config_file: Callable[..., str], tmp_path: Path
) -> None:
    reference = config_file(bert, "BertForMaskedLM")
    options = Options(random_weights=True, engine=engine)
    [exported] = export(reference, tmp_path / "bert.onnx", options=options)
    table = embedded_table(exported.path)
    assert table[""]["class"] == "transformers.models.bert.modeling_bert.BertForMaskedLM"
    assert table["bert.encoder.layer.1.attention.self"]["called"]
    assert scopes(exported.path) <= set(table)
    assert difference(exported, reference, options) < 1e-4


def test_weights_of_a_folder(bert: transformers.BertConfig, tmp_path: Path) -> None:
    transformers.BertForMaskedLM(bert).save_pretrained(tmp_path / "bert")
    [exported] = export(str(tmp_path / "bert"), tmp_path / "bert.onnx")
    assert difference(exported, str(tmp_path / "bert"), Options()) < 1e-4


@pytest.mark.slow
def test_prefill_and_decode(config_file: Callable[..., str], tmp_path: Path) -> None:
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=99)
    options = Options(random_weights=True, generation=True)
    reference = config_file(config, "GPT2LMHeadModel")
    exports = export(reference, tmp_path / "gpt2.onnx", options=options, modules_out=tmp_path / "table.json")
    assert [exported.path.name for exported in exports] == ["gpt2.prefill.onnx", "gpt2.decode.onnx"]
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [
        "table.decode.json",
        "table.prefill.json",
    ]
    prefill, decode = (onnx.load(exported.path).graph for exported in exports)
    # Releases of transformers name the cache differently; it is the only value with a head as an axis.
    batch, length = shape_of(prefill.input[0])
    cached = [batch, config.n_head, length, config.n_embd // config.n_head]
    for values in (prefill.output, decode.input):
        assert [shape_of(value) for value in values].count(cached) == 2 * config.n_layer
    for exported in exports:
        table = embedded_table(exported.path)
        assert table["transformer.h.1.attn"]["class"].endswith(".GPT2Attention")
        assert scopes(exported.path) <= set(table)


@pytest.mark.parametrize(
    ("factory", "cause"),
    [
        ("raises", "raised ValueError: no weights (line"),
        ("wrong_type", "returned str; it must return a torch.nn.Module"),
        ("wrong_inputs", "the inputs do not fit Net.forward"),
        ("net_without_inputs", "--input x=SHAPE:DTYPE"),
        ("nothing", "has no function 'nothing'"),
        ("unsupported", "no engine can export it"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(factory: str, cause: str, tmp_path: Path) -> None:
    with pytest.raises(HpassError) as caught:
        export(f"{MODELS}:{factory}", tmp_path / "out.onnx")
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    out.write_bytes(b"old")
    with pytest.raises(HpassError, match="no engine"):
        export(f"{MODELS}:unsupported", out)
    assert out.read_bytes() == b"old"


def test_out_must_be_a_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder"):
        export(f"{MODELS}:net", tmp_path)
    with pytest.raises(HpassError, match="does not exist"):
        export(f"{MODELS}:net", tmp_path / "no" / "out.onnx")


def test_generation_needs_a_generative_model(tmp_path: Path) -> None:
    with pytest.raises(HpassError, match=r"has no generate\(\)"):
        export(f"{MODELS}:net", tmp_path / "out.onnx", options=Options(generation=True))
