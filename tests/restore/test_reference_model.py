"""Tags are restored from a reference model: of kept nodes, of fused ones, of inserted ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from product import ROOT

import hpass
from hpass import Confidence, Source
from hpass.api import as_reference, ensure_tagged, read_reference
from hpass.restore.reference_model import ReferenceModel

HEADER = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> g (float[4,8] x) => (float[4,8] z) '
WEIGHTS = {
    name: np.random.default_rng(index).normal(size=shape).astype(np.float32)
    for index, (name, shape) in enumerate({"a.q.weight": (8, 8), "a.q.bias": (8,), "a.k.weight": (8, 8)}.items())
}
# A block `a` of a linear layer `q`, an activation of its own, and a product with a weight of `k`.
REFERENCE = """{
    ["/a/q/MatMul"] m = MatMul(x, "a.q.weight")
    ["/a/q/Add"] y = Add("a.q.bias", m)
    ["/a/Relu"] r = Relu(y)
    ["/a/k/MatMul"] k = MatMul(r, "a.k.weight")
    ["/Neg"] z = Neg(k)
}"""


def model(text: str, **more: np.ndarray) -> onnx.ModelProto:
    parsed = onnx.parser.parse_model(HEADER + text)
    read = {name for node in parsed.graph.node for name in node.input}
    arrays = WEIGHTS | more
    parsed.graph.initializer.extend(numpy_helper.from_array(arrays[name], name) for name in read & arrays.keys())
    return parsed


def restored(text: str, **more: np.ndarray) -> hpass.Run:
    return hpass.run(model(text, **more), reference=model(REFERENCE))


CASES = {
    "no node has a name": (
        'm = MatMul(x, "a.q.weight") y = Add("a.q.bias", m) r = Relu(y) k = MatMul(r, "a.k.weight") z = Neg(k)',
        ["a.q", "a.q", "a", "a.k", ""],
    ),
    "a linear layer becomes one node": (
        'y = Gemm(x, "a.q.weight", "a.q.bias") r = Relu(y) k = MatMul(r, "a.k.weight") z = Neg(k)',
        ["a.q", "a", "a.k", ""],
    ),
    "modules are fused: their common ancestor": (
        'r = com.microsoft.FusedGemm(x, "a.q.weight", "a.q.bias") k = MatMul(r, "a.k.weight") z = Neg(k)',
        ["a", "a.k", ""],
    ),
    "the name of a fused node is no evidence": (
        '["/a/q/MatMul"] k = com.microsoft.Attention(x, "a.q.weight", "a.k.weight") z = Neg(k)',
        ["a", ""],
    ),
    "a kept node is turned round by reshapes": (
        (
            's = Reshape(x, "shape") t = Gemm(s, "a.q.weight", "a.q.bias") y = Reshape(t, "shape") r = Relu(y)'
            ' k = MatMul(r, "a.k.weight") z = Neg(k)'
        ),
        ["a.q", "a.q", "a.q", "a", "a.k", ""],
    ),
    "inserted nodes serve the node that they lead to": (
        (
            'm = MatMul(x, "a.q.weight") y = Add("a.q.bias", m) r = Relu(y) q = QuantizeLinear(r, "scale")'
            ' d = DequantizeLinear(q, "scale") k = MatMul(d, "a.k.weight") z = Neg(k)'
        ),
        ["a.q", "a.q", "a", "a.k", "a.k", "a.k", ""],
    ),
    "values are renamed, nodes are not": (
        (
            '["/a/q/MatMul"] v1 = MatMul(x, "a.q.weight") ["/a/q/Add"] v2 = Add("a.q.bias", v1)'
            ' ["/a/Relu"] v3 = Relu(v2) ["/a/k/MatMul"] v4 = MatMul(v3, "a.k.weight") ["/Neg"] z = Neg(v4)'
        ),
        ["a.q", "a.q", "a", "a.k", ""],
    ),
    "everything is renamed": (
        "v1 = MatMul(x, w1) v2 = Add(w2, v1) v3 = Relu(v2) v4 = MatMul(v3, w3) z = Neg(v4)",
        ["a.q", "a.q", "a", "a.k", ""],
    ),
    "names of values are numbers, and mean others": (
        'y = MatMul(x, "a.q.weight") r = Add("a.q.bias", y) k = Relu(r) k2 = MatMul(k, "a.k.weight") z = Neg(k2)',
        ["a.q", "a.q", "a", "a.k", ""],
    ),
}


@pytest.mark.parametrize(("text", "scopes"), CASES.values(), ids=CASES)
def test_every_node_gets_its_module_back(text: str, scopes: list[str]) -> None:
    more = {"shape": np.array([4, 8]), "scale": np.array(0.5, np.float32), "w3": WEIGHTS["a.k.weight"]}
    more |= {"w1": WEIGHTS["a.q.weight"], "w2": WEIGHTS["a.q.bias"]}
    run = restored(f"{{{text}}}", **more)
    assert [tag.scope for _, tag in run.tags()] == scopes
    assert {tag.source for _, tag in run.tags()} == {Source.REFERENCE}
    assert run.ok


def test_a_reason_names_the_modules_that_went_into_a_fused_node() -> None:
    run = restored('{k = com.microsoft.Attention(x, "a.q.weight", "a.k.weight") z = Neg(k)}')
    node = run.model.graph.nodes[0]
    assert run.context.tags.reason(node) == "it replaces 4 nodes of the reference, which ran in 'a.q', 'a', 'a.k'"
    assert run.tag(node) == hpass.Tag("a", Source.REFERENCE, Confidence.MEDIUM)


def test_the_module_table_comes_along() -> None:
    table = hpass.ModuleTable.from_json({"": "Net", "a": "Block", "a.q": "Linear", "a.k": "Linear"}, "table")
    tagged = hpass.run(model(REFERENCE), modules=table).apply()
    tags = hpass.run(model(CASES["no node has a name"][0].join("{}")), reference=tagged).apply().graph.node
    assert [prop.value for prop in tags[0].metadata_props if prop.key == "hpass.tag"] == ["/Net/Block/Linear.q"]


def test_tags_that_the_file_still_has_stay() -> None:
    tagged = hpass.run(model(REFERENCE)).apply()
    assert hpass.run(tagged, reference=model(REFERENCE.replace("/a/", "/b/"))).apply() == tagged


def test_another_model_is_no_reference() -> None:
    run = restored("{z = Softmax(x)}")
    assert [finding.rule for finding in run.findings if finding.severity == "warning"] == ["reference-differs"]


def test_onnxruntime_s_layout_leaves_the_names_of_values_in_the_names_of_nodes() -> None:
    run = restored(
        """{m = MatMul(x, "a.q.weight") y = Add("a.q.bias", m) ["r_nchwc"] reorder = com.microsoft.nchwc.Relu(y)
        ["other"] r = com.microsoft.nchwc.ReorderOutput(reorder) k = MatMul(r, "a.k.weight") z = Neg(k)}"""
    )
    assert [tag.scope for _, tag in run.tags()] == ["a.q", "a.q", "a", "a", "a.k", ""]
    assert run.tag(run.model.graph.nodes[2]) == hpass.Tag("a", Source.REFERENCE, Confidence.HIGH)


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").glob("*.onnx")), ids=lambda path: path.stem)
def test_a_tagged_file_is_the_reference_that_it_would_be_if_it_were_tagged_anew(path: Path) -> None:
    tagged = hpass.run(path).apply()
    anew, found = as_reference(ensure_tagged(tagged)), read_reference(tagged)

    assert isinstance(found, ReferenceModel)
    assert list(found.tags.values_of(found.model.nodes())) == list(anew.tags.values_of(anew.model.nodes()))
    assert (found.modules.to_json(), found.declared) == (anew.modules.to_json(), anew.declared)
