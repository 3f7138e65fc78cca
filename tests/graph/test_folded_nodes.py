from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

from hpass.graph.folded_nodes import with_folded_nodes
from hpass.graph.plain_copy import PlainCopy
from hpass.tags.tag_format import Confidence, Source, Tag

ORIGINAL = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x, float[2] m) => (float[2] y) { [a] k = Neg (m) [b] y = Add (x, k) }
"""
FOLDED = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x) => (float[2] y) <float[2] k = {1, 2}> { [b] y = Add (x, k) }
"""


def tag(scope: str) -> Tag:
    return Tag(scope, Source.METADATA, Confidence.HIGH)


def copies(of_reader: str) -> tuple[PlainCopy, PlainCopy]:
    original = PlainCopy(onnx.parser.parse_model(ORIGINAL), {"a": tag("mask"), "b": tag(of_reader)})
    return PlainCopy(onnx.parser.parse_model(FOLDED), {"b": tag(of_reader)}), original


def test_a_folded_value_is_computed_in_the_module_that_computed_it() -> None:
    made = with_folded_nodes(*copies("mask.add"))

    node = made.proto.graph.node[0]
    assert (node.op_type, list(node.output)) == ("Identity", ["k"])
    assert made.tags[node.name].scope == "mask"
    assert numpy_helper.to_array(made.proto.graph.initializer[0]).tolist() == [1, 2]
    onnx.checker.check_model(made.proto)


def test_a_weight_that_only_has_the_name_of_a_value_stays() -> None:
    copy, original = copies("other")

    assert with_folded_nodes(copy, original) is copy


def test_the_copy_is_not_changed() -> None:
    copy, original = copies("mask")
    before = copy.proto.SerializeToString()
    with_folded_nodes(copy, original)

    assert copy.proto.SerializeToString() == before
    assert np.array_equal(numpy_helper.to_array(copy.proto.graph.initializer[0]), [1, 2])
