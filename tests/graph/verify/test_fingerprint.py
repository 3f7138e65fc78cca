"""The fingerprint sees whatever tagging must not change, and only that."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import onnx.parser
import pytest

from hpass.graph.verify.fingerprint import fingerprint
from hpass.graph.walk import all_nodes
from hpass.tags.tag_edits import write_tag
from hpass.tags.tag_format import VERSION, Source, Tag

TEXT = """
<ir_version: 10, opset_import: ["" : 20, "local" : 1]>
g (float[2] x, bool c) => (float[2] y) <float[2] w = {1, 2}, float[2] a> {
    [first] a = Add(x, w)
    [branch] y = If(c) <then_branch = t () => (float[2] e) { [inner] e = Abs(a) },
                        else_branch = o () => (float[2] h) { [other] h = local.f(a) }>
}
<domain: "local", opset_import: ["" : 20]>
f (p) => (q) { [body] q = Exp(p) }
"""


def sample() -> onnx.ModelProto:
    model = onnx.parser.parse_model(TEXT)
    model.metadata_props.add(key="author", value="x")
    for node in all_nodes(model):
        node.metadata_props.add(key="namespace", value=node.name)
    return model


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in all_nodes(model) if node.name == name)


def test_tags_do_not_count() -> None:
    model = sample()
    before = fingerprint(model)
    for each in all_nodes(model):
        write_tag(each, Tag("a.b", Source.NAME, serves="c"), "/A/B")
    model.metadata_props.add(key=VERSION, value="1")
    assert fingerprint(model) == before
    del model.metadata_props[0]
    assert fingerprint(model) != before


@pytest.mark.parametrize("name", ["first", "branch", "inner", "other", "body"])
@pytest.mark.parametrize(
    "change",
    [
        lambda node: setattr(node, "name", "renamed"),
        lambda node: setattr(node, "doc_string", "about"),
        lambda node: node.input.append("x"),
        lambda node: node.metadata_props.pop(),
        lambda node: node.metadata_props.add(key="k", value="v"),
        lambda node: node.attribute.add(name="k"),
    ],
    ids=["name", "doc_string", "input", "metadata removed", "metadata added", "attribute"],
)
def test_a_change_of_any_node_counts(name: str, change: Callable[[onnx.NodeProto], object]) -> None:
    model = sample()
    change(node(model, name))
    assert fingerprint(model) != fingerprint(sample())


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "producer_name", "x"),
        lambda model: setattr(model, "ir_version", 11),
        lambda model: model.opset_import.add(domain="d", version=1),
        lambda model: setattr(model.graph, "name", "x"),
        lambda model: setattr(model.graph.input[0], "name", "x2"),
        lambda model: setattr(model.graph.initializer[0], "name", "w2"),
        lambda model: model.graph.initializer[0].dims.append(1),
        lambda model: model.graph.value_info.pop(),
        lambda model: model.graph.node.reverse(),
        lambda model: model.functions[0].input.append("z"),
        lambda model: setattr(model.functions[0], "name", "g"),
    ],
)
def test_a_change_of_the_rest_counts(change: Callable[[onnx.ModelProto], object]) -> None:
    model = sample()
    change(model)
    assert fingerprint(model) != fingerprint(sample())


def test_a_model_of_many_nodes_counts_all_of_them() -> None:
    model = sample()
    for index in range(1000):
        model.graph.node.add(op_type="Relu", name=str(index))
    before = fingerprint(model)
    model.graph.node[-1].name = "other"
    assert fingerprint(model) != before
