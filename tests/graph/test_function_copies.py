"""Each call of a function has a copy, whose nodes are in the module of the call."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest
from text_models import model

from hpass.api import ensure_tagged
from hpass.errors import HpassError
from hpass.graph.plain_copy import plain_copy
from hpass.tags.tag_edits import write_tag
from hpass.tags.tag_format import SCOPE, WITHIN, Source, Tag, read_tag

FIXTURES = Path(__file__).parents[2] / "fixtures"
FUNCTIONS = """
<domain: "local", opset_import: ["": 18, "local": 1]> outer (a) => (b) { ["o"] c = local.inner(a) ["n"] b = Neg(c) }
<domain: "local", opset_import: ["": 18]> inner (a) => (b) { ["i"] b = Relu(a) }
"""


def tagged(scopes: dict[str, str]) -> onnx.ModelProto:
    made = model('["one"] h = local.outer(x) ["two"] y = local.outer(h)', functions=FUNCTIONS)
    for node in (*made.graph.node, *(node for function in made.functions for node in function.node)):
        write_tag(node, Tag(scopes[node.name], Source.NAME), "Model")
    return made


def calling(made: onnx.ModelProto, calls: int) -> onnx.ModelProto:
    """Return the model with so many calls of its outer function, each in a module of its own."""
    first = made.graph.node[0]
    copies: list[onnx.NodeProto] = []
    for call in range(calls):
        node = onnx.NodeProto()
        node.CopyFrom(first)
        node.name = str(call)
        node.input[0] = f"v{call - 1}" if call else "x"
        node.output[0] = f"v{call}" if call < calls - 1 else "y"
        write_tag(node, Tag(f"a.{call}", Source.NAME), "Model")
        copies.append(node)
    del made.graph.node[:]
    made.graph.node.extend(copies)
    return made


def found(made: onnx.ModelProto) -> list[str]:
    return [tag.scope for tag in plain_copy(made).tags.values()]


def test_a_body_is_in_the_module_of_its_call() -> None:
    assert found(tagged({"one": "a.b", "two": "a.c", "o": "a", "n": "a", "i": "a"})) == ["a.b", "a.b", "a.c", "a.c"]


def test_a_body_that_lies_deeper_than_the_call_stays_there() -> None:
    assert found(tagged({"one": "a", "two": "a", "o": "a.b", "n": "d", "i": "a"})) == ["a.b", "d", "a.b", "d"]


def test_an_outlined_body_is_below_its_call() -> None:
    made = tagged({"one": "a.0", "two": "a.1", "o": "a", "n": "a", "i": "a"})
    for function, within in zip(made.functions, ("", "fc.act"), strict=True):
        for node in function.node:
            node.metadata_props.add(key=WITHIN, value=within)

    assert sorted(found(made)) == ["a.0", "a.0.fc.act", "a.1", "a.1.fc.act"]


def test_functions_that_double_each_other_end() -> None:
    bodies = "".join(
        f'<domain: "local", opset_import: ["": 18, "local": 1]> f{level} (a) => (b) '
        f"{{ c = local.f{level + 1}(a) b = local.f{level + 1}(c) }}"
        for level in range(40)
    )
    made = model(
        "y = local.f0(x)", functions=bodies + '<domain: "local", opset_import: ["": 18]> f40 (a) => (b) { b = Neg(a) }'
    )
    with pytest.raises(HpassError, match="more than 50,000 calls"):
        plain_copy(made)


def test_more_calls_than_onnx_inlines_at_once() -> None:
    made = tagged({"one": "a.b", "two": "a.c", "o": "a", "n": "a", "i": "a"})
    plain = plain_copy(calling(made, 6_000))

    assert not plain.proto.functions
    assert Counter(node.op_type for node in plain.proto.graph.node) == {"Relu": 6_000, "Neg": 6_000}
    assert len(plain.tags) == 12_000
    assert Counter(tag.scope for tag in plain.tags.values()) == {f"a.{call}": 2 for call in range(6_000)}


def test_a_fixture() -> None:
    run = ensure_tagged(FIXTURES / "functions.onnx")
    plain = plain_copy(run.model.snapshot(run.tags(), run.modules).proto)

    assert {tag.scope for tag in plain.tags.values()} == {"layer.0", "layer.1", "layer.2", "act"}
    assert not plain.proto.functions
    assert all(read_tag(node) is None for node in plain.proto.graph.node)
    assert SCOPE not in str(plain.proto)
