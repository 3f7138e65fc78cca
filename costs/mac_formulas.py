"""The multiply-accumulates of a node, by operator. One is a multiplication and an addition: two FLOPs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .attention import (
    fused_attention,
    grouped_query_attention,
    multi_head_attention,
    standard_attention,
)
from .einsum import einsum_macs
from .recurrent import recurrent_macs
from .sizes import Size, UnknownSizeError, product
from .typed_node import TypedNode

Formula = Callable[[TypedNode], Size]


def _matrix_product(left: int, right: int) -> Formula:
    """Return the formula of a product of the inputs with these indices, each of which the node may transpose."""

    def macs(node: TypedNode) -> Size:
        if node.attribute("transBatchA") or node.attribute("transBatchB"):
            raise UnknownSizeError
        summed = -2 if node.attribute("transA") else -1
        node.shape(right)
        return node.output_elements() * node.shape(left)[summed]

    return macs


def _compressed_weights(node: TypedNode) -> Size:
    # The weights are packed, so only the attribute has their true size.
    inner = node.attribute("K")
    if inner is None:
        raise UnknownSizeError
    return node.output_elements() * inner


def _convolution(weights: int) -> Formula:
    """Return the formula of a convolution with weights (channels out, channels in of a group, kernel...)."""

    def macs(node: TypedNode) -> Size:
        return node.output_elements() * product(node.shape(weights)[1:])

    return macs


def _channels_last_convolution(node: TypedNode) -> Size:
    # Weights stay (channels out, channels in of a group, kernel...); only the values have their channels last.
    weights = 3 if node.operator.endswith("QLinearConv") else 1
    return node.output_elements() * product(node.shape(weights)[1:])


def _transposed_convolution(node: TypedNode) -> Size:
    # Each element of the input meets the kernels of all outputs of its group. Padding cuts the result only afterwards.
    return node.elements(0) * product(node.shape(1)[1:])


MACS: Mapping[str, Formula] = {
    "Attention": standard_attention,
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "ConvTranspose": _transposed_convolution,
    "DeformConv": _convolution(1),
    "Einsum": einsum_macs,
    "GRU": recurrent_macs,
    "Gemm": _matrix_product(0, 1),
    "LSTM": recurrent_macs,
    "MatMul": _matrix_product(0, 1),
    "MatMulInteger": _matrix_product(0, 1),
    "QLinearConv": _convolution(3),
    "QLinearMatMul": _matrix_product(0, 3),
    "RNN": recurrent_macs,
    "com.microsoft.nchwc::Conv": _convolution(1),
    "com.microsoft::Attention": fused_attention,
    "com.microsoft::DynamicQuantizeLSTM": recurrent_macs,
    "com.microsoft::DynamicQuantizeMatMul": _matrix_product(0, 1),
    "com.microsoft::FusedConv": _convolution(1),
    "com.microsoft::FusedGemm": _matrix_product(0, 1),
    "com.microsoft::FusedMatMul": _matrix_product(0, 1),
    "com.microsoft::GemmFastGelu": _matrix_product(0, 1),
    "com.microsoft::GroupQueryAttention": grouped_query_attention,
    "com.microsoft::MatMulBnb4": _compressed_weights,
    "com.microsoft::MatMulFpQ4": _matrix_product(0, 1),
    "com.microsoft::MatMulInteger16": _matrix_product(0, 1),
    "com.microsoft::MatMulIntegerToFloat": _matrix_product(0, 1),
    "com.microsoft::MatMulNBits": _compressed_weights,
    "com.microsoft::MultiHeadAttention": multi_head_attention,
    "com.microsoft::NhwcConv": _channels_last_convolution,
    "com.microsoft::NhwcFusedConv": _channels_last_convolution,
    "com.microsoft::QAttention": fused_attention,
    "com.microsoft::QGemm": _matrix_product(0, 3),
    "com.microsoft::QLinearConv": _channels_last_convolution,
    "com.microsoft::TransposeMatMul": _matrix_product(0, 1),
}
"""The formulas by operator. Each raises UnknownSizeError if a size that it needs is not known."""
