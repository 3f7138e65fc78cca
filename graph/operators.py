"""Auxiliary operations: the ONNX operators that move, shape, select, convert or create tensors.

The list is fixed. Only reports use it; it does not influence tags. An operator is auxiliary if its output contains
values of its inputs or attributes, their shapes, or comparisons of them. Operators that compute new values are not
auxiliary, even if models also use them for masks and positions: arithmetic (Add, Mod, CumSum), reductions, random
numbers, interpolation (Resize), quantisation (scaling and rounding), and window functions. Operators with subgraphs
(If, Loop, Scan) are not auxiliary either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

_CREATE = ("Constant", "ConstantOfShape", "EyeLike", "OneHot", "Range")
_QUERY = ("OptionalHasElement", "SequenceLength", "Shape", "Size")
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
# Comparisons and logic compute the masks of Where.
_COMPARE = ("Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual")
_LOGIC = ("And", "Not", "Or", "Xor")

AUXILIARY_OPERATORS = frozenset((*_CREATE, *_QUERY, *_CONVERT, *_SHAPE, *_MOVE, *_SELECT, *_COMPARE, *_LOGIC))
"""The auxiliary operators. All of them belong to the standard domain."""

RANDOM_OPERATORS = frozenset(
    ("Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)
"""The operators whose results may differ from run to run."""

_STANDARD_DOMAINS = (None, "", "ai.onnx")


def is_auxiliary(node: gs.Node) -> bool:
    """Whether a node's operator is auxiliary. Operators of other domains are not."""
    return node.op in AUXILIARY_OPERATORS and node.domain in _STANDARD_DOMAINS
