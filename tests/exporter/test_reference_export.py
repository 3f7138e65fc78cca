"""`--model` exports the model, and the export is a reference for files of any exporter."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import hpass
from hpass.cli.tagging_options import TaggingOptions
from hpass.exporter import module_table, reference_export
from hpass.tags.module_table import ModuleTable

pytestmark = pytest.mark.torch

DEFINITION = textwrap.dedent("""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.up, self.act, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)

        def forward(self, x):
            return x + self.down(self.act(self.up(self.norm(x))))

    class Net(nn.Module):
        def __init__(self, layers):
            super().__init__()
            self.blocks = nn.ModuleList(Block() for _ in range(layers))

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    class Unreadable(Net):
        def forward(self, x):
            return super().forward(x + len(open("/nonexistent").read()))

    def make():
        return Net(3), torch.zeros(2, 4, 8)

    def longer():
        tail = [nn.Linear(8, 5), nn.Softmax(-1), nn.Linear(5, 3), nn.Linear(3, 2)]
        return nn.Sequential(Net(3), *tail), torch.zeros(2, 4, 8)

    def unreadable():
        return Unreadable(3), torch.zeros(2, 4, 8)
""")
BLOCK = """
    m{k} = ReduceMean<axes = [-1]>(x{k}) s{k} = Sub(x{k}, m{k}) p{k} = Mul(s{k}, s{k})
    v{k} = ReduceMean<axes = [-1]>(p{k}) q{k} = Sqrt(v{k}) t{k} = Div(s{k}, q{k}) f{k} = Mul(t{k}, g{k})
    n{k} = Add(f{k}, h{k}) u{k} = MatMul(n{k}, w{k}) a{k} = Add(b{k}, u{k}) c{k} = Div(a{k}, two)
    e{k} = Erf(c{k}) i{k} = Add(e{k}, one) j{k} = Mul(a{k}, i{k}) l{k} = Mul(j{k}, half)
    d{k} = MatMul(l{k}, y{k}) o{k} = Add(h{k}, d{k}) x{next} = Add(x{k}, o{k})
"""
SCOPES = ["norm"] * 8 + ["up"] * 2 + ["act"] * 5 + ["down"] * 2 + [""]
SHAPES = {"w": (8, 16), "y": (16, 8), "b": (16,), "g": (8,), "h": (8,)}


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "definition.py"
    path.write_text(DEFINITION, encoding="utf-8")
    return path


@pytest.fixture
def anonymous() -> onnx.ModelProto:
    """Return a file of an exporter that writes names, constants and normalisations in its own way."""
    text = "".join(BLOCK.format(k=k, next=k + 1) for k in range(3)).replace("x3 =", "out =")
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 13]> g (float[2,4,8] x0) => (float[2,4,8] out) {{{text}}}'
    )
    written = {"x0", *(name for node in model.graph.node for name in node.output)}
    for name in dict.fromkeys(name for node in model.graph.node for name in node.input if name not in written):
        values = np.random.default_rng(1).normal(size=SHAPES.get(name.rstrip("012"), ())).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


def scopes(run: hpass.Run) -> list[str]:
    return [tag.scope for _, tag in run.tags()]


@pytest.mark.slow
def test_a_file_without_names_is_tagged_by_the_model_s_code(definition: Path, anonymous: onnx.ModelProto) -> None:
    run = TaggingOptions(model_spec=f"{definition}:make").run(hpass.load(anonymous))

    assert scopes(run) == [f"blocks.{k}.{scope}".rstrip(".") for k in range(3) for scope in SCOPES]
    doubtful = [tag for _, tag in run.tags() if tag.confidence is not hpass.Confidence.HIGH]
    assert len(doubtful) < len(scopes(run)) / 5


@pytest.mark.slow
def test_a_file_without_names_is_tagged_by_the_code_of_a_similar_model(
    definition: Path, anonymous: onnx.ModelProto
) -> None:
    run = TaggingOptions(model_spec=f"{definition}:longer").run(hpass.load(anonymous))

    assert scopes(run) == [f"0.blocks.{k}.{scope}".rstrip(".") for k in range(3) for scope in SCOPES]
    assert all(tag.confidence is not hpass.Confidence.HIGH for _, tag in run.tags())
    assert [finding.rule for finding in run.findings if finding.severity == "warning"] == ["reference-differs"]


@pytest.mark.slow
def test_the_export_has_shapes_of_weights_and_no_values(definition: Path) -> None:
    model = reference_export(f"{definition}:make")

    assert model is not None
    weights = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    assert {(8,), (16,)} <= {tuple(tensor.dims) for tensor in weights}
    assert not any(tensor.raw_data or tensor.float_data for tensor in weights)


@pytest.mark.slow
def test_the_table_remains_if_the_model_cannot_be_exported(definition: Path, anonymous: onnx.ModelProto) -> None:
    spec = f"{definition}:unreadable"
    table = ModuleTable.from_json(module_table(spec), spec)

    assert reference_export(spec) is None
    by_model = TaggingOptions(model_spec=spec).run(hpass.load(anonymous))
    assert scopes(by_model) == scopes(hpass.run(anonymous, modules=table))


@pytest.mark.slow
def test_another_model_is_no_worse_than_its_table(definition: Path) -> None:
    other = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[2,5] x) => (float[2,5] z)'
        ' <float[5,5] w, float[5,5] v> {["/blocks.0/up/MatMul"] a = MatMul(x, w) b = Relu(a) z = MatMul(b, v)}'
    )
    spec = f"{definition}:make"
    table = ModuleTable.from_json(module_table(spec), spec)

    assert scopes(TaggingOptions(model_spec=spec).run(hpass.load(other))) == scopes(hpass.run(other, modules=table))
