"""The other floating-point and integer operations of a node, apart from multiply-accumulates, by operator.

An elementary function, such as an exponential, counts as one operation for each element. Moving, selecting, comparing
shapes and converting types count as none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..graph.operators import AUXILIARY_OPERATORS
from .attention import attention_flops
from .einsum import einsum_flops
from .mac_formulas import MACS
from .recurrent import recurrent_flops
from .sizes import Size, product
from .typed_node import TypedNode

Formula = Callable[[TypedNode], Size]

# Operations for each element of the first output.
_PER_OUTPUT_ELEMENT: Mapping[int, tuple[str, ...]] = {
    1: (
        "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot",
        "BitwiseOr", "BitwiseXor", "Ceil", "Cos", "Cosh", "Div", "Equal", "Erf", "Exp", "Floor", "Greater",
        "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "Mod", "Mul", "Neg", "Not", "Or", "Pow",
        "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Sqrt", "Sub", "Tan", "Tanh",
        "ThresholdedRelu", "Xor",
    ),
    2: (
        "BatchNormalization", "Clip", "Dropout", "LeakyRelu", "PRelu", "Shrink", "Softplus", "Swish", "Softsign",
        "DequantizeLinear", "QuantizeLinear", "com.microsoft::DequantizeLinear", "com.microsoft::QLinearLeakyRelu",
        "com.microsoft::QuantizeLinear", "com.microsoft::QuickGelu",
    ),
    3: (
        "Elu", "HardSigmoid", "RotaryEmbedding", "Selu", "Celu", "DynamicQuantizeLinear", "com.microsoft::QLinearAdd",
        "com.microsoft::QLinearMul", "com.microsoft::QLinearSigmoid", "com.microsoft::RotaryEmbedding",
    ),
    4: ("HardSwish", "Mish"),
    # By the error function: a division, erf, an addition, two products.
    5: ("Gelu", "com.microsoft::Gelu"),
    6: ("com.microsoft::BiasGelu",),
    # By tanh of a cubic polynomial.
    9: ("com.microsoft::FastGelu",),
}  # fmt: skip
# Operations for each element of the first input. A reduction takes one for each element.
_PER_INPUT_ELEMENT: Mapping[int, tuple[str, ...]] = {
    1: (
        "ArgMax", "ArgMin", "CumProd", "CumSum", "GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSum", "com.microsoft::QLinearGlobalAveragePool",
        "com.microsoft::QLinearReduceMean",
    ),
    2: ("GlobalLpPool", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceSumSquare"),
    3: ("LpNormalization", "ReduceLogSumExp"),
    5: (
        "Hardmax", "LogSoftmax", "RMSNormalization", "SimplifiedLayerNormalization", "Softmax",
        "com.microsoft::QLinearSoftmax",
    ),
    6: ("MeanVarianceNormalization", "com.microsoft::SkipSimplifiedLayerNormalization"),
    # Mean, difference, square, mean of squares, division, scale, shift.
    7: ("GroupNormalization", "InstanceNormalization", "LayerNormalization"),
    8: ("com.microsoft::SkipLayerNormalization", "com.microsoft::SkipGroupNorm", "com.microsoft::GroupNorm"),
    9: ("com.microsoft::EmbedLayerNormalization",),
}  # fmt: skip
_WITHOUT = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "TopK", "Unique")
_QUANTISED_PRODUCTS = (
    "QLinearConv", "QLinearMatMul", "com.microsoft::QGemm", "com.microsoft::QLinearConv",
    "com.microsoft::MatMulIntegerToFloat", "com.microsoft::DynamicQuantizeMatMul",
)  # fmt: skip


def _per_output_element(count: int) -> Formula:
    return lambda node: count * node.output_elements()


def _per_input_element(count: int) -> Formula:
    return lambda node: count * node.elements(0)


def _none(_node: TypedNode) -> Size:
    return 0


def _bias(index: int) -> Formula:
    """Return the formula of an addition to the result, if the node has the input."""
    return lambda node: node.output_elements() if node.has(index) else 0


def _of_all_inputs(node: TypedNode) -> Size:
    """Return the operations of a sum, mean or extremum of several inputs."""
    operations = len(node.inputs) - (node.operator != "Mean")
    return operations * node.output_elements()


def _pooling(node: TypedNode) -> Size:
    return node.output_elements() * product(node.attribute("kernel_shape", ()))


def _resize(node: TypedNode) -> Size:
    if node.attribute("mode", "nearest") == "nearest":
        return 0
    # Linear interpolation of each axis: a weight, two products and a sum, of pairs that are halved axis by axis.
    axes = len([None for size, before in zip(node.output_shape(), node.shape(0), strict=True) if size != before])
    points = 4 if node.attribute("mode") == "cubic" else 2
    return node.output_elements() * 2 * points**axes


def _grid_sample(node: TypedNode) -> Size:
    return node.output_elements() * 2 * 2 ** (len(node.shape(0)) - 2)


_OTHERS: Mapping[str, Formula] = {
    "Attention": attention_flops,
    "AveragePool": _pooling,
    "Conv": _bias(2),
    "ConvTranspose": _bias(2),
    "DeformConv": _bias(3),
    "Einsum": einsum_flops,
    "GRU": recurrent_flops,
    "Gemm": _bias(2),
    "GridSample": _grid_sample,
    "LSTM": recurrent_flops,
    "LpPool": _pooling,
    "Max": _of_all_inputs,
    "MaxPool": _pooling,
    "Mean": _of_all_inputs,
    "Min": _of_all_inputs,
    "RNN": recurrent_flops,
    "Resize": _resize,
    "Sum": _of_all_inputs,
    "Upsample": _resize,
    "com.microsoft.nchwc::AveragePool": _pooling,
    "com.microsoft.nchwc::Conv": _bias(2),
    "com.microsoft.nchwc::GlobalAveragePool": _per_input_element(1),
    "com.microsoft.nchwc::GlobalMaxPool": _per_input_element(1),
    "com.microsoft.nchwc::MaxPool": _pooling,
    "com.microsoft.nchwc::ReorderInput": _none,
    "com.microsoft.nchwc::ReorderOutput": _none,
    "com.microsoft::Attention": attention_flops,
    "com.microsoft::DynamicQuantizeLSTM": recurrent_flops,
    "com.microsoft::FusedConv": _bias(2),
    "com.microsoft::FusedGemm": _bias(2),
    "com.microsoft::GroupQueryAttention": attention_flops,
    "com.microsoft::MultiHeadAttention": attention_flops,
    "com.microsoft::NhwcMaxPool": _pooling,
    "com.microsoft::QAttention": attention_flops,
    "com.microsoft::QLinearAveragePool": _pooling,
    "com.microsoft::QLinearConcat": _none,
}

FLOPS: Mapping[str, Formula] = {
    **dict.fromkeys((*MACS, *AUXILIARY_OPERATORS, *_WITHOUT), _none),
    **{name: _per_output_element(count) for count, names in _PER_OUTPUT_ELEMENT.items() for name in names},
    **{name: _per_input_element(count) for count, names in _PER_INPUT_ELEMENT.items() for name in names},
    **dict.fromkeys(_QUANTISED_PRODUCTS, _per_output_element(2)),
    **_OTHERS,
}
"""The formulas by operator. An operator that is not here has a cost that is not known."""
