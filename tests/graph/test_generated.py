"""Generated models, valid or not, come back as they went in."""

from __future__ import annotations

from typing import Any

import onnx
import onnx.parser
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto

import hpass
from hpass.graph.files.model_file import parse
from hpass.graph.strip import strip
from hpass.graph.walk import all_nodes
from hpass.tags import tag_format

# Few names, so that they meet: empty, repeated, with separators, as paths, as another tool's tags, in other scripts.
NAMES = st.sampled_from(["", "a", "b", "/m/a/Add", "m.a.weight", "a/b%2F", "_1", "\n", "名前", "node_add_1", "x" * 300])
WORDS = st.sampled_from(["Add", "Identity", "Constant", "If", "Call", "MatMul", "Shape", "", "日本", "Foo.Bar"])
DOMAINS = st.sampled_from(["", "ai.onnx", "local", "my.domain"])
# Names on the wire may be no UTF-8; protobuf hands them over as bytes.
WIRE_BYTES = st.sampled_from([b"a", b"\xff\xfe", b"m.\xe9.weight", b""])
UNKNOWN_FIELDS = st.sampled_from([b"", b"\xc2\x3e\x05hello", b"\xb8\x3e\x07"])
KEYS = st.sampled_from(
    ["", "k", "namespace", "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy", "hpass.scope", "hpass.tag"]
)
VALUES = st.sampled_from(["", "v", "['', 'a', 'x']", "['", ": M/a: A/x: aten.add", "[1, None]", "名"])


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    model = onnx.ModelProto(ir_version=draw(st.integers(3, 13)), producer_name=draw(NAMES))
    graph(draw, model.graph, depth=2)
    for _ in range(draw(st.integers(0, 2))):
        function(draw, model.functions.add(name=draw(WORDS), domain=draw(DOMAINS), overload=draw(NAMES)))
    for domain in draw(st.lists(DOMAINS, max_size=2)):
        model.opset_import.add(domain=domain, version=draw(st.integers(1, 25)))
    metadata(draw, model)
    return model


def graph(draw: st.DrawFn, proto: onnx.GraphProto, depth: int) -> None:
    # The field has to be there, even if it is empty.
    proto.name = draw(NAMES)
    nodes(draw, proto, depth)
    for field in (proto.input, proto.output, proto.value_info):
        for name in draw(st.lists(NAMES, max_size=3)):
            info = field.add(name=name)
            value_type(draw, info.type)
            unknown(draw, info)
    for _ in range(draw(st.integers(0, 2))):
        tensor(draw, proto.initializer.add())
    for _ in range(draw(st.integers(0, 1))):
        sparse = proto.sparse_initializer.add(dims=[4])
        tensor(draw, sparse.values)
        tensor(draw, sparse.indices)
    for name in draw(st.lists(NAMES, max_size=1)):
        proto.quantization_annotation.add(tensor_name=name).quant_parameter_tensor_names.add(key="SCALE", value=name)
    metadata(draw, proto)
    unknown(draw, proto)


def nodes(draw: st.DrawFn, proto: Any, depth: int) -> None:
    for _ in range(draw(st.integers(0, 3))):
        node = proto.node.add(op_type=draw(WORDS), name=draw(NAMES), domain=draw(DOMAINS), doc_string=draw(NAMES))
        node.input.extend(draw(st.lists(NAMES, max_size=3)))
        node.output.extend(draw(st.lists(NAMES, max_size=2)))
        if draw(st.booleans()):
            node.overload = draw(NAMES)
        for name in draw(st.lists(NAMES, max_size=2, unique=True)):
            attribute(draw, node.attribute.add(name=name), depth)
        metadata(draw, node)
        unknown(draw, node)
        raw = draw(WIRE_BYTES)
        # Fields 1 and 3: an input and the name, as they may lie in a file.
        node.MergeFromString(bytes([draw(st.sampled_from([0x0A, 0x1A])), len(raw)]) + raw if raw else b"")


def attribute(draw: st.DrawFn, proto: AttributeProto, depth: int) -> None:
    kind = proto.type = draw(st.sampled_from(list(AttributeProto.AttributeType.values())))
    if draw(st.integers(0, 5)) == 0:
        proto.ref_attr_name = draw(NAMES)
    elif kind == AttributeProto.GRAPH and depth:
        graph(draw, proto.g, depth - 1)
    elif kind == AttributeProto.GRAPHS and depth:
        graph(draw, proto.graphs.add(), depth - 1)
    elif kind in (AttributeProto.STRING, AttributeProto.STRINGS):
        proto.s = draw(WIRE_BYTES)
        proto.strings.extend(draw(st.lists(WIRE_BYTES, max_size=2)))
    elif kind in (AttributeProto.TENSOR, AttributeProto.TENSORS):
        tensor(draw, proto.t)
        tensor(draw, proto.tensors.add())
    elif kind in (AttributeProto.SPARSE_TENSOR, AttributeProto.SPARSE_TENSORS):
        tensor(draw, proto.sparse_tensor.values)
        tensor(draw, proto.sparse_tensors.add().indices)
    elif kind in (AttributeProto.TYPE_PROTO, AttributeProto.TYPE_PROTOS):
        value_type(draw, proto.tp)
        value_type(draw, proto.type_protos.add())
    else:
        proto.floats.extend(draw(st.lists(st.sampled_from([0.0, -0.0, float("nan"), float("inf")]), max_size=2)))
        proto.ints.extend(draw(st.lists(st.integers(-1, 1), max_size=2)))
    unknown(draw, proto)


def value_type(draw: st.DrawFn, proto: onnx.TypeProto) -> None:
    match draw(st.integers(0, 5)):
        case 0:
            proto.denotation = "IMAGE"
        case 1:
            proto.tensor_type.elem_type = draw(st.integers(0, 30))
            for name in draw(st.lists(NAMES, max_size=2)):
                proto.tensor_type.shape.dim.add(dim_param=name)
            proto.tensor_type.shape.dim.add(dim_value=draw(st.integers(-1, 3)), denotation="N")
        case 2:
            proto.sequence_type.elem_type.map_type.key_type = TensorProto.INT64
        case 3:
            proto.optional_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
        case 4:
            proto.sparse_tensor_type.elem_type = TensorProto.FLOAT
        case _:
            pass


def tensor(draw: st.DrawFn, proto: TensorProto) -> None:
    proto.name = draw(NAMES)
    proto.data_type = draw(st.integers(0, 30))
    proto.dims.extend(draw(st.lists(st.integers(0, 2), max_size=2)))
    proto.raw_data = draw(st.binary(max_size=8))
    if draw(st.booleans()):
        proto.data_location = TensorProto.DEFAULT
    unknown(draw, proto)


def function(draw: st.DrawFn, proto: onnx.FunctionProto) -> None:
    nodes(draw, proto, depth=1)
    proto.input.extend(draw(st.lists(NAMES, max_size=2)))
    proto.output.extend(draw(st.lists(NAMES, max_size=2)))
    proto.attribute.extend(draw(st.lists(NAMES, max_size=1)))
    for name in draw(st.lists(NAMES, max_size=1)):
        attribute(draw, proto.attribute_proto.add(name=name), depth=0)
    metadata(draw, proto)
    unknown(draw, proto)


def metadata(draw: st.DrawFn, holder: Any) -> None:
    for key in draw(st.lists(KEYS, max_size=2)):
        holder.metadata_props.add(key=key, value=draw(VALUES))


def unknown(draw: st.DrawFn, message: Any) -> None:
    message.MergeFromString(draw(UNKNOWN_FIELDS))


# Shrinking takes minutes, and printing the model is enough to see what is wrong.
@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(models())
def test_a_generated_model_is_tagged_without_loss(model: onnx.ModelProto) -> None:
    # From bytes, as from a file: there a name may be no text.
    original = parse(model.SerializeToString(), "generated")
    run = hpass.run(original)
    data = run.apply().SerializeToString()
    written = parse(data, "written")
    assert all(tag_format.read_tag(node) is not None for node in all_nodes(written))
    assert hpass.run(written).apply().SerializeToString() == data
    strip(written)
    strip(original)
    assert written.SerializeToString() == original.SerializeToString()


def test_a_second_run_leaves_the_table_where_the_first_one_put_it() -> None:
    """An unread weight names modules that no node names, under a prefix that the second run took for the root."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,2] x) => (float[2,2] y) <float[2,2] "m.a.weight" = {1,2,3,4}> {["/a/MatMul"] y = MatMul(x, x)}"""
    first = hpass.run(onnx.parser.parse_model(text)).apply()
    assert hpass.run(first).apply() == first


@given(st.lists(st.sampled_from(AttributeProto.AttributeType.values()), min_size=2, max_size=3))
def test_an_attribute_given_twice_stays_as_it_is(kinds: list[int]) -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"], "n")
    for index, kind in enumerate(kinds):
        node.attribute.add(name="a", type=kind, i=index, s=b"s", floats=[1.0]).g.name = "g"
    original = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))

    run = hpass.run(original, "all", settings="validation.checker=false")
    written = run.apply()

    strip(written)
    assert written == original
    assert run.ok
