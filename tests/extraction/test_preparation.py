"""What a module computes itself instead of asking for it: constants, and arithmetic on sizes that it knows."""

from __future__ import annotations

from typing import Any

import pytest

# The nodes, the module `m` among them, what it asks for, and the nodes that are copied into it.
CUT: list[tuple[str, str, list[str], list[str]]] = [
    ("nothing to prepare", '["a"] h = Relu(x) ["m"] y = Exp(h)', ["h"], []),
    ("a constant", '["a"] c = Constant<value_float = 2.0>() ["m"] y = Mul(x, c)', ["x"], ["Constant"]),
    ("a weight through other nodes", '["a"] c = Transpose(w) ["b"] d = Sin(c) ["m"] y = Mul(x, d)', ["x"], ["a", "b"]),
    ("a random weight", '["a"] c = RandomNormalLike(w) ["m"] y = Mul(x, c)', ["x", "c"], []),
    (
        "the size of its input",
        '["a"] s = Shape(x) ["m"] f = Flatten(x) ["m2"] y = Reshape(f, s)',
        ["x"],
        ["Shape"],
    ),
    (
        "the size of a value inside",
        '["m"] f = Relu(x) ["a"] s = Shape(f) ["m2"] y = Reshape(f, s)',
        ["x"],
        ["Shape"],
    ),
    (
        "the size of another value",
        '["a"] h = Flatten(x) ["b"] s = Shape(x) ["m"] y = Reshape(h, s)',
        ["h", "s"],
        [],
    ),
    (
        "arithmetic on a size and a constant",
        '["c"] two = Constant<value_ints = [2, 2]>() ["a"] s = Shape(x) ["b"] t = Div(s, two) ["m"] y = Expand(x, t)',
        ["x"],
        ["Constant", "Shape", "Div"],
    ),
    (
        "what is made of a size by other operators",
        '["a"] s = Shape(x) ["b"] t = Cos(s) ["m"] y = Pow(x, t)',
        ["x", "t"],
        [],
    ),
    ("data is asked for, however it is moved", '["a"] t = Transpose(x) ["m"] y = MatMul(x, t)', ["x", "t"], []),
]


@pytest.mark.parametrize(("nodes", "inputs", "copied"), [row[1:] for row in CUT], ids=[row[0] for row in CUT])
def test_what_is_cut_in(models: Any, nodes: str, inputs: list[str], copied: list[str]) -> None:
    scopes = {"m": "m", "m2": "m", **dict.fromkeys("abc", "n")}
    extractor = models.of_text(nodes, scopes, parameters=["w"])

    piece = extractor.extract("m").piece

    assert list(piece.inputs) == inputs
    assert [node.name if node.name in copied else node.op_type for node in piece.copies.values()] == copied


def test_a_size_is_taken_of_an_input_that_declares_the_same(models: Any) -> None:
    size = '["b"] s = Shape<start = 0, end = 1>(x) ["c"] t = Concat<axis = 0>(s, s)'
    nodes = f'["a"] h = Relu(x) {size} ["m"] y = Expand(h, t)'
    extractor = models.of_text(nodes, {"m": "m", **dict.fromkeys("abc", "n")})
    graph = extractor.model.graph
    for value in (graph.input[0], graph.value_info.add(name="h", type=graph.input[0].type)):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"

    piece = extractor.extract("m").piece

    shape = next(iter(piece.copies.values()))
    assert list(piece.inputs) == ["h"]
    assert (shape.op_type, list(shape.input)) == ("Shape", ["h"])
    assert {attribute.name: attribute.i for attribute in shape.attribute} == {"start": 0, "end": 1}


def test_a_size_that_others_read_is_no_result(models: Any) -> None:
    nodes = '["m"] h = Relu(x) ["m2"] s = Shape(h) ["a"] f = Flatten(h) ["b"] y = Reshape(f, s)'
    extractor = models.of_text(nodes, {"m": "m", "m2": "m", "a": "n", "b": "n"})

    assert list(extractor.extract("m").piece.outputs) == ["h"]


def test_what_a_result_is_if_nothing_is_read(models: Any) -> None:
    extractor = models.of_text('["m"] s = Shape(x) ["a"] y = Expand(x, s)', {"m": "m", "a": "n"})

    assert list(extractor.extract("m").piece.outputs) == ["s"]
