"""A reference that shares neither names nor weights with the model gives its modules by structure."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import hpass
from hpass import Confidence, Source
from hpass.tags.module import Module

HEADER = '<ir_version: 8, opset_import: ["" : 17]> g (float[2,4,8] {x}) => (float[2,4,8] {z}) '
SHAPES = {"w": (8, 16), "v": (16, 8), "b": (16,), "g": (8,), "h": (8,), "k": (4, 4, 1), "s": (4,), "q": (8, 8)}
# Two blocks, each with a normalisation, a linear layer, an activation and another linear layer.
BLOCK = """
    ["/{n}/norm/LayerNormalization"] n{n} = LayerNormalization({i}, "{n}.norm.g", "{n}.norm.h")
    ["/{n}/up/MatMul"] u{n} = MatMul(n{n}, "{n}.up.w")
    ["/{n}/up/Add"] a{n} = Add("{n}.up.b", u{n})
    ["/{n}/act/Erf"] e{n} = Erf(a{n})
    ["/{n}/down/MatMul"] d{n} = MatMul(e{n}, "{n}.down.v")
    ["/{n}/Add"] r{n} = Add({i}, d{n})
"""
REFERENCE = (BLOCK.format(n="p", i="x") + BLOCK.format(n="q", i="rp")).replace("rq =", "z =")
SCOPES = ["norm", "up", "up", "act", "down", ""]


def model(text: str, *, seed: int, values: tuple[str, str] = ("x", "z"), wide: int = 1) -> onnx.ModelProto:
    header = HEADER.format(x=values[0], z=values[1])
    parsed = onnx.parser.parse_model(f"{header}{{{text}}}")
    generator = np.random.default_rng(seed)
    written = {name for node in parsed.graph.node for name in node.output} | {values[0]}
    for name in dict.fromkeys(name for node in parsed.graph.node for name in node.input if name not in written):
        shape = tuple(length * wide for length in SHAPES[name.rpartition(".")[2].strip("0123456789")])
        parsed.graph.initializer.append(numpy_helper.from_array(generator.normal(size=shape).astype(np.float32), name))
    return parsed


def reference() -> onnx.ModelProto:
    return model(REFERENCE, seed=0)


def expected() -> list[str]:
    return [f"{block}.{scope}".rstrip(".") for block in "pq" for scope in SCOPES]


def anonymous(block: str) -> str:
    """Return two blocks under other names; `{k}` stands for a number and `{i}` for what the block reads."""
    return block.format(k=1, i="in") + block.format(k=2, i="r1").replace("r2 =", "out =")


SAME = """n{k} = LayerNormalization({i}, g{k}, h{k}) u{k} = MatMul(n{k}, w{k}) a{k} = Add(b{k}, u{k}) e{k} = Erf(a{k})
    d{k} = MatMul(e{k}, v{k}) r{k} = Add({i}, d{k})"""


def run(text: str, **more: int) -> hpass.Run:
    return hpass.run(model(text, seed=1, values=("in", "out"), **more), reference=reference())


def test_other_names_and_other_weights() -> None:
    tags = [tag for _, tag in run(anonymous(SAME)).tags()]
    originals = [tag for _, tag in hpass.run(reference()).tags()]
    assert [tag.scope for tag in tags] == expected()
    assert tags == [tag._replace(source=Source.REFERENCE) for tag in originals]
    assert {tag.confidence for tag in tags} == {Confidence.HIGH, Confidence.MEDIUM}


def test_a_normalisation_in_parts() -> None:
    parts = """m{k} = ReduceMean<axes = [-1]>({i}) s{k} = Sub({i}, m{k}) p{k} = Mul(s{k}, s{k})
        o{k} = ReduceMean<axes = [-1]>(p{k}) q{k} = Sqrt(o{k}) t{k} = Div(s{k}, q{k}) f{k} = Mul(t{k}, g{k})
        n{k} = Add(f{k}, h{k}) """
    text = anonymous(parts + SAME.partition(")")[2])
    scopes = [tag.scope for _, tag in run(text).tags()]
    assert scopes == [f"{block}.{scope}".rstrip(".") for block in "pq" for scope in ["norm"] * 8 + SCOPES[1:]]


def test_a_fused_operator_of_two_modules_gets_their_common_ancestor() -> None:
    fused = SAME.replace("a{k} = Add(b{k}, u{k}) e{k} = Erf(a{k})", "e{k} = com.microsoft.BiasGelu(u{k}, b{k})")
    scopes = [tag.scope for _, tag in run(anonymous(fused)).tags()]
    assert scopes == [f"{block}.{scope}".rstrip(".") for block in "pq" for scope in ["norm", "up", "", "down", ""]]


def test_nothing_is_high_that_depends_on_the_order_of_the_file() -> None:
    text = "c1 = MatMul(in, w1) c2 = MatMul(in, w2) s1 = Tanh(c1) s2 = Sigmoid(c2) m = Mul(s1, s2) out = MatMul(m, v1)"
    turned = (
        "c2 = MatMul(in, w2) c1 = MatMul(in, w1) s2 = Sigmoid(c2) s1 = Tanh(c1) m = Mul(s1, s2) out = MatMul(m, v1)"
    )
    named = """["/p/MatMul"] a = MatMul(x, "p.w") ["/q/MatMul"] b = MatMul(x, "q.w") ["/Tanh"] c = Tanh(a)
        ["/Sigmoid"] d = Sigmoid(b) ["/Mul"] e = Mul(c, d) ["/o/MatMul"] z = MatMul(e, "o.v")"""
    for target, scopes in ((text, ["p", "q", "", "", "", "o"]), (turned, ["q", "p", "", "", "", "o"])):
        found = hpass.run(model(target, seed=1, values=("in", "out")), reference=model(named, seed=0))
        for (_, tag), scope in zip(found.tags(), scopes, strict=True):
            assert tag.scope == scope or tag.confidence is not Confidence.HIGH


def test_a_model_with_its_batch_normalisation_folded_is_the_same_model() -> None:
    named = """["/c/Conv"] c = Conv(x, "c.k") ["/n/Mul"] n = BatchNormalization(c, "n.s1", "n.s2", "n.s3", "n.s4")
        ["/r/Relu"] r = Relu(n) ["/o/MatMul"] z = MatMul(r, "o.q")"""
    folded = "c = Conv(in, k1, s1) r = Relu(c) out = MatMul(r, q1)"

    found = hpass.run(model(folded, seed=1, values=("in", "out")), reference=model(named, seed=0))

    tags = [tag for _, tag in found.tags()]
    assert [tag.scope for tag in tags[1:]] == ["r", "o"]
    assert tags[-1].confidence is Confidence.HIGH
    assert [finding for finding in found.findings if finding.severity == "warning"] == []


@pytest.mark.parametrize("text", [anonymous(SAME), "out = Softmax(in)", "n = MatMul(in, w1) out = MatMul(n, v1)"])
def test_another_model_is_no_reference(text: str) -> None:
    found = run(text, wide=3)
    assert [finding.rule for finding in found.findings if finding.severity == "warning"] == ["reference-differs"]
    assert all(tag.confidence is not Confidence.HIGH for _, tag in found.tags())
    assert all(tag.source is not Source.REFERENCE for _, tag in found.tags())


def test_fewer_layers_are_at_most_medium() -> None:
    found = run(SAME.format(k=1, i="in").replace("r1 =", "out ="))
    assert {tag.confidence for _, tag in found.tags()} == {Confidence.MEDIUM}
    assert [finding.rule for finding in found.findings if finding.severity == "warning"] == ["reference-differs"]


def test_a_reference_with_fewer_layers_has_the_first_ones() -> None:
    reads = ("in", "r1", "r2", "r3")
    text = " ".join(SAME.format(k=k, i=read) for k, read in enumerate(reads, 1)).replace("r4 =", "out =")
    tags = [tag for _, tag in run(text).tags()]
    assert [tag.scope for tag in tags[:12]] == expected()
    assert {tag.confidence for tag in tags} <= {Confidence.MEDIUM, Confidence.LOW}


def test_nothing_is_high_after_the_last_layer_that_a_reference_has() -> None:
    layers = range(1, 6)
    reads = ["x", *(f"r{n}" for n in layers)]
    backbone = "".join(BLOCK.format(n=n, i=read) for n, read in zip(layers, reads, strict=False)).replace("r5 =", "z =")
    same = " ".join(SAME.format(k=n, i=read) for n, read in zip(layers, ["in", *reads[1:]], strict=False))
    head = " t = Transpose<perm = [0, 1, 2]>(s5) s = Erf(t) k = MatMul(s, w9) out = Softmax(k)"

    text = same.replace(" r", " s").replace("(r", "(s") + head
    found = hpass.run(model(text, seed=1, values=("in", "out")), reference=model(backbone, seed=0))

    confidences = [tag.confidence for _, tag in found.tags()]
    assert Confidence.HIGH in confidences[24:30]
    assert Confidence.HIGH not in confidences[30:]


def test_names_of_the_file_itself_come_first() -> None:
    named = anonymous(SAME).replace("u1 =", '["/other/MatMul"] u1 =', 1)
    tags = [tag for _, tag in run(named).tags()]
    assert tags[1].source is Source.NAME
    assert [tag.scope for tag in tags[2:]] == expected()[2:]


CONV_HEADER = '<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] {x}) => (float[1,4,M,N] {z}) '


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize(
    ("name", "weight", "attribute", "scope"),
    [
        # torch.export says that the node is the normalisation's, and keeps the name of the weight.
        ("/bn/Conv", "conv.weight", 'auto_pad = "NOTSET"', "conv"),
        ("/bn/Conv", "conv.weight", "kernel_shape = [3, 3]", "bn"),
        # TorchScript says that it is the convolution's, and the weight loses its name.
        ("/conv/Conv", "onnx::Conv_7", 'auto_pad = "NOTSET"', "bn"),
        ("/conv/Conv", "onnx::Conv_7", "kernel_shape = [3, 3]", "conv"),
    ],
)
def test_another_exporter_gives_a_folded_convolution_to_the_other_module(
    name: str, weight: str, attribute: str, scope: str, operator: str
) -> None:
    def convolution(inputs: str, attributes: str, weight: str) -> onnx.ModelProto:
        header = CONV_HEADER.format(x=inputs, z=f"{inputs}_out")
        text = f'["{name}"] {inputs}_out = {operator}<{attributes}>({inputs}, "{weight}")'
        parsed = onnx.parser.parse_model(f"{header}{{{text}}}")
        parsed.graph.initializer.append(numpy_helper.from_array(np.ones((4, 4, 3, 3), np.float32), weight))
        return parsed

    calls = {"": 0, "conv": 1, "bn": 2}
    table = hpass.ModuleTable(
        {scope: Module(extra={"order": calls[scope], "parameters": ["weight"]}) for scope in calls}
    )
    target = convolution("in", "kernel_shape = [3, 3]", "w")
    target.graph.node[0].name = ""
    original = convolution("x", attribute, weight)
    tagged = hpass.run(original, modules=table).apply()
    ((_, tag),) = hpass.run(target, reference=tagged).tags()
    assert (tag.scope, tag.confidence) == (scope, Confidence.MEDIUM)
