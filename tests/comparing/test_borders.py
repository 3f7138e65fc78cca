"""Parts that are grown until what they read and write is known in the other model."""

from __future__ import annotations

import onnx.parser

from hpass.comparing.borders import Borders

MODEL = onnx.parser.parse_model("""
<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x) => (float[2] e) { a = Neg (x) b = Exp (a) c = Sin (b) d = Cos (c) e = Tanh (d) }
""")
BORDERS = Borders(MODEL, {})


def test_nodes_before_are_added_until_what_is_read_is_known() -> None:
    part = BORDERS.grown(BORDERS.of_nodes([3]), {"a", "d"}.__contains__)

    assert (part.positions, part.reads, part.writes) == ((1, 2, 3), ("a",), ("d",))


def test_nodes_behind_are_added_until_something_that_is_written_is_known() -> None:
    part = BORDERS.grown(BORDERS.of_nodes([1]), {"a", "d"}.__contains__)

    assert (part.positions, part.reads, part.writes) == ((1, 2, 3), ("a",), ("d",))


def test_a_part_whose_border_is_known_stays() -> None:
    part = BORDERS.of_nodes([1, 2])

    assert BORDERS.grown(part, {"a", "c"}.__contains__) == part
