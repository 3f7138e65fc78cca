"""Operators that do the same work, and operators that one exporter writes as several others."""

from __future__ import annotations

from collections import defaultdict

_PRODUCTS = (
    "DynamicQuantizeMatMul", "Einsum", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger",
    "MatMulIntegerToFloat", "MatMulNBits", "QGemm", "QLinearMatMul",
)  # fmt: skip
_CONVOLUTIONS = ("Conv", "ConvInteger", "FusedConv", "NhwcConv", "NhwcFusedConv", "QLinearConv")
_TRANSPOSED_CONVOLUTIONS = ("ConvTranspose",)
_NORMALISATIONS = (
    "BatchNormalization", "GroupNorm", "GroupNormalization", "InstanceNormalization", "LayerNormalization",
    "LpNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "SkipGroupNorm", "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
)  # fmt: skip
_GELUS = ("BiasGelu", "Erf", "FastGelu", "Gelu", "QuickGelu")
_ATTENTIONS = ("Attention", "GroupQueryAttention", "MultiHeadAttention")

_FAMILIES = (
    _PRODUCTS,
    _CONVOLUTIONS,
    _NORMALISATIONS,
    _GELUS,
    _ATTENTIONS,
    ("Add", "Sub", "Sum"),
    ("Div", "Mul"),
    ("Div", "Reciprocal"),
    ("Mul", "Pow"),
    ("GlobalAveragePool", "ReduceMean"),
    ("Clip", "Max", "Min", "Relu"),
    ("EmbedLayerNormalization", "Gather"),
    ("BiasSoftmax", "LogSoftmax", "Softmax"),
    ("Sigmoid", "Swish"),
    ("HardSigmoid", "HardSwish"),
    ("Mish", "Softplus"),
    ("Log", "Softplus"),
)

_ARITHMETIC = ("Add", "Div", "Mul", "Neg", "Sub")
_NORMALISATION_PARTS = (
    *_ARITHMETIC, "Abs", "InstanceNormalization", "Pow", "Reciprocal", "ReduceL2", "ReduceMean", "ReduceSum",
    "ReduceSumSquare", "Sqrt",
)  # fmt: skip
_PARTS = {
    **dict.fromkeys(_PRODUCTS, ("Add", "DynamicQuantizeLinear", "Mul", "Relu")),
    **dict.fromkeys(
        (*_CONVOLUTIONS, *_TRANSPOSED_CONVOLUTIONS), ("Add", "Clip", "DynamicQuantizeLinear", "Mul", "Relu")
    ),
    **dict.fromkeys(_NORMALISATIONS, _NORMALISATION_PARTS),
    **dict.fromkeys(_GELUS, (*_ARITHMETIC, "Erf", "Pow", "Sigmoid", "Tanh")),
    **dict.fromkeys(_ATTENTIONS, (*_ARITHMETIC, "MatMul", "Softmax", "Sqrt")),
    "Einsum": ("MatMul", "Mul", "ReduceSum"),
    "EmbedLayerNormalization": (*_NORMALISATION_PARTS, "Gather"),
    "HardSigmoid": ("Add", "Clip", "Div", "Mul"),
    "HardSwish": ("Add", "Clip", "Div", "HardSigmoid", "Mul"),
    "LogSoftmax": ("Log", "Softmax"),
    "LpNormalization": ("Abs", "Clip", "Div", "Max", "Mul", "Pow", "ReduceL2", "ReduceSum", "Sqrt"),
    "Mish": ("Mul", "Softplus", "Tanh"),
    "ReduceL2": ("Abs", "Mul", "Pow", "ReduceSum", "Sqrt"),
    "RotaryEmbedding": _ARITHMETIC,
    "Selu": ("Elu", "Mul"),
    "Softmax": ("Add", "Div", "Exp", "Mul", "ReduceMax", "ReduceSum", "Sub"),
    "Softplus": ("Add", "Exp", "Log"),
    "Swish": ("Mul", "Sigmoid"),
}

_FAMILIES_OF: dict[str, set[int]] = defaultdict(set)
for _number, _family in enumerate(_FAMILIES):
    for _op in _family:
        _FAMILIES_OF[_op].add(_number)


def same_work(one: str, other: str) -> bool:
    """Whether two operators may do the same work."""
    return one == other or not _FAMILIES_OF.get(one, set()).isdisjoint(_FAMILIES_OF.get(other, ()))


def may_be_part(part: str, whole: str) -> bool:
    """Whether an operator may be one of several that do the work of another one."""
    return part in _PARTS.get(whole, ())


def is_convolution(op: str) -> bool:
    """Whether an operator is a convolution, transposed or not."""
    return op in _CONVOLUTIONS or op in _TRANSPOSED_CONVOLUTIONS


def is_linear(op: str) -> bool:
    """Whether an operator is a matrix product or a convolution."""
    return op in _PRODUCTS or is_convolution(op)


def may_lose_names(op: str) -> bool:
    """Whether a weight may lose its name although nothing is folded into it: exporters transpose those of a MatMul."""
    return not is_convolution(op) and op not in ("Gemm", "FusedGemm")


def is_arithmetic(op: str) -> bool:
    """Whether an operator is elementwise arithmetic, of which models are full."""
    return op in _ARITHMETIC or op in ("Pow", "Sqrt")
