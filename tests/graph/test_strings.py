"""A string of a file may be no UTF-8, wherever it stands: protobuf hands it over as bytes, and nothing may stumble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import onnx
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hostile_models import MODULE_TABLE, function, model, node, with_metadata
from onnx import AttributeProto, ModelProto, TensorProto, helper

import hpass
from hpass.evidence.exporter_metadata import CLASS_HIERARCHY, CLASS_PATH, NAME_SCOPES, NAMESPACE
from hpass.evidence.parameter_uses import FOLDED_FROM
from hpass.graph.files.model_file import parse
from hpass.graph.strip import strip
from hpass.graph.walk import all_nodes
from hpass.observers import observe
from hpass.pipeline import Pipeline
from hpass.reporting.json_report import dumps, report
from hpass.reporting.node_entry import stored_entry

# What a string ends in: as text, and in the file, where it is as long.
MARK, WIRE = "\x01\x02\x03", b"\xff\xfe\xe9"


def whole() -> ModelProto:
    """Return a model that has a string in every field which hpass may read."""
    branch = helper.make_graph([node("/b/Neg", "Neg", ["v"], "r")], "branch", [], [value("r")], [weight("b.bias")])
    made = model(
        [
            with_metadata(node("/a.0/Add", "Add", ["x", "a.0.weight"], "t"), {NAME_SCOPES: "['', 'a', 'a.0', 'add']"}),
            with_metadata(node("n", "Relu", ["t"], "u"), {NAMESPACE: ": M/a: A/add: aten.add", CLASS_PATH: "/M/A"}),
            with_metadata(node("t", "Abs", ["u"], "v"), {"hpass.scope": "a", "hpass.source": "name", "other": "kept"}),
            node("c", "If", ["x"], "w"),
            node("f", "Call", ["w", "val_1"], "y", domain="local", overload="o"),
        ],
        properties={MODULE_TABLE: json.dumps({"": "M", "a.0": "A"}), "k": "v"},
        functions=[function("Call", node("/f/Exp", "Exp")), function("Call", node("", "Sin"), overload="o")],
    )
    made.graph.node[0].metadata_props.add(key=CLASS_HIERARCHY, value="['M', 'A', 'A', 'aten.add']")
    made.graph.node[3].attribute.append(helper.make_attribute("then_branch", branch))
    made.graph.node[4].attribute.add(name="a", ref_attr_name="b", type=AttributeProto.INT)
    made.graph.initializer.extend([weight("a.0.weight"), weight("val_1")])
    sparse = made.graph.sparse_initializer.add(dims=[4])
    sparse.values.name = "s.weight"
    made.graph.value_info.append(value("t"))
    made.graph.value_info[0].metadata_props.add(key=FOLDED_FROM, value="['a.1.weight']")
    made.graph.initializer[1].metadata_props.add(key=FOLDED_FROM, value="['a.2.weight']")
    annotation = made.graph.quantization_annotation.add(tensor_name="t")
    annotation.quant_parameter_tensor_names.add(key="SCALE", value="val_1")
    made.graph.metadata_props.add(key="gk", value="gv")
    made.functions[0].attribute.append("axis")
    made.functions[0].attribute_proto.append(helper.make_attribute("mode", 1))
    made.functions[0].value_info.append(value("x"))
    made.functions[0].metadata_props.add(key="fk", value="fv")
    for holder in (made, made.graph, *made.functions, *made.graph.node, made.graph.initializer[0]):
        holder.doc_string = "doc"
    made.producer_name, made.producer_version, made.domain = "producer", "1.0", "org"
    return made


def value(name: str) -> onnx.ValueInfoProto:
    made = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"])
    made.type.denotation, made.type.tensor_type.shape.dim[0].denotation = "IMAGE", "DATA_BATCH"
    return made


def weight(name: str) -> TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0])


def strings(message: Any, path: str = "") -> Iterator[tuple[str, Any, str, int | None]]:
    """Yield every string in a message: where it stands, the message, the field and the index in a repeated one."""
    for field, found in message.ListFields():
        many = not isinstance(found, (Message, str, bytes, int, float))
        for index, item in enumerate(found if many else [found]):
            where = f"{path}.{field.name}[{index}]" if many else f"{path}.{field.name}"
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from strings(item, where)
            elif field.type == FieldDescriptor.TYPE_STRING:
                yield where, message, field.name, index if many else None


def marked(only: set[str]) -> bytes:
    """Return the file of the model in which the strings at some places end in bytes that are no UTF-8."""
    made = whole()
    for where, message, field, index in list(strings(made)):
        if where not in only:
            continue
        if index is None:
            setattr(message, field, getattr(message, field) + MARK)
        else:
            getattr(message, field)[index] += MARK
    return made.SerializeToString().replace(MARK.encode(), WIRE)


def text_of(message: Any, field: str, index: int | None) -> str:
    return getattr(message, field) if index is None else getattr(message, field)[index]


PLACES = {where: text_of(message, field, index) for where, message, field, index in strings(whole())}
VARIANTS = {
    **{where: {where} for where in PLACES},
    **{f"every {text!r}": {where for where, other in PLACES.items() if other == text} for text in PLACES.values()},
}


@pytest.mark.parametrize("only", VARIANTS.values(), ids=VARIANTS)
def test_a_string_that_is_no_text_changes_nothing_else(only: set[str]) -> None:
    original = parse(marked(only), "marked")

    first = hpass.run(original, observer=observe(Pipeline.parse("all"), verify=True))
    tagged = parse(first.apply().SerializeToString(), "tagged")

    dumps(report(first))
    assert not [finding for finding in hpass.validate(tagged) if finding.severity is hpass.Severity.ERROR]
    again = hpass.run(tagged)
    stored = hpass.load(tagged)
    assert [stored_entry("#0", node, stored)["scope"] for node in stored.nodes()] == [
        tag.scope for _, tag in again.tags()
    ]
    assert again.apply().SerializeToString() == tagged.SerializeToString()
    assert all(any(prop.key == "hpass.scope" for prop in node.metadata_props) for node in all_nodes(tagged))
    assert hpass.run(original, reference=tagged).ok
    strip(tagged)
    strip(original)
    assert tagged.SerializeToString() == original.SerializeToString()
