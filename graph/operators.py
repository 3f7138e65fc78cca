"""Auxiliary operations: the ONNX operators that move, shape, select, convert or create tensors.

The list is fixed and decides nothing about a tag; reports count by it. An operator is on it where its output
holds values of its inputs or attributes, says what shape they have or how they compare: the glue around a
module's work. What computes with the values stays off it, though it may serve a mask or a position as well:
arithmetic (Add, Mod, CumSum), reductions, random numbers, interpolation (Resize), quantisation (scale and
rounding), windows and other formulas. So does whatever holds other nodes (If, Loop, Scan).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

_CREATE = ("Constant", "ConstantOfShape", "EyeLike", "OneHot", "Range")
_MEASURE = ("OptionalHasElement", "SequenceLength", "Shape", "Size")
_CONVERT = ("BitCast", "Cast", "CastLike", "Identity")
_SHAPE = ("Expand", "Flatten", "Reshape", "Squeeze", "Tile", "Unsqueeze")
_MOVE = (
    "CenterCropPad",
    "Concat",
    "ConcatFromSequence",
    "DepthToSpace",
    "Optional",
    "OptionalGetElement",
    "Pad",
    "ReverseSequence",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SpaceToDepth",
    "Split",
    "SplitToSequence",
    "Transpose",
)
_SELECT = (
    "Compress",
    "Gather",
    "GatherElements",
    "GatherND",
    "NonZero",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "TensorScatter",
    "Trilu",
    "Where",
)
# Comparisons and logic make the masks that Where selects by.
_COMPARE = ("Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual")
_LOGIC = ("And", "Not", "Or", "Xor")

AUXILIARY_OPERATORS = frozenset((*_CREATE, *_MEASURE, *_CONVERT, *_SHAPE, *_MOVE, *_SELECT, *_COMPARE, *_LOGIC))
"""The auxiliary operators, all of the standard domain."""

_STANDARD_DOMAINS = (None, "", "ai.onnx")


def is_auxiliary(node: gs.Node) -> bool:
    """Whether a node's operator is auxiliary; an operator of another domain never is."""
    return node.op in AUXILIARY_OPERATORS and node.domain in _STANDARD_DOMAINS
