"""The cost of attention operators: of onnx, and of onnxruntime (com.microsoft).

Scores take one multiply-accumulate for each query, key and element of a head, and their product with the values as
many. A causal mask changes nothing: the products are counted as if they were all computed.
"""

from __future__ import annotations

from typing import NamedTuple

from .sizes import Size, UnknownSizeError, product
from .typed_node import TypedNode

# Scaling, and softmax: maximum, subtraction, exponential, sum, division.
_FLOPS_OF_A_SCORE = 6
_RANK_OF_HEADS = 4
_RANK_OF_PACKED_HEADS = 5


class _Attention(NamedTuple):
    """The number of scores of all heads, the sizes of a head, and the multiply-accumulates of projections."""

    scores: Size
    key_size: Size
    value_size: Size
    projections: Size = 0

    @property
    def macs(self) -> Size:
        return self.scores * (self.key_size + self.value_size) + self.projections


def standard_attention(node: TypedNode) -> Size:
    """Return the multiply-accumulates of onnx's Attention. Raises UnknownSizeError."""
    return _standard(node).macs


def fused_attention(node: TypedNode) -> Size:
    """Return those of onnxruntime's Attention and QAttention, with the projections of query, key and value."""
    return _fused(node).macs


def multi_head_attention(node: TypedNode) -> Size:
    """Return those of onnxruntime's MultiHeadAttention."""
    return _multi_head(node).macs


def grouped_query_attention(node: TypedNode) -> Size:
    """Return those of onnxruntime's GroupQueryAttention."""
    return _grouped_query(node).macs


def attention_flops(node: TypedNode) -> Size:
    """Return the other operations of any of them. Raises UnknownSizeError."""
    found = {
        "Attention": _standard,
        "com.microsoft::Attention": _fused,
        "com.microsoft::QAttention": _fused,
        "com.microsoft::MultiHeadAttention": _multi_head,
        "com.microsoft::GroupQueryAttention": _grouped_query,
    }[node.operator](node)
    return found.scores * _FLOPS_OF_A_SCORE


def _standard(node: TypedNode) -> _Attention:
    query, key, value = (node.shape(index) for index in range(3))
    past = node.shape(4)[-2] if node.has(4) else 0
    if len(query) == _RANK_OF_HEADS:
        batch, heads, length, size = query
        return _Attention(batch * heads * length * (key[-2] + past), size, value[-1])
    heads, key_heads = node.attribute("q_num_heads"), node.attribute("kv_num_heads")
    if not heads or not key_heads:
        raise UnknownSizeError
    batch, length, width = query
    return _Attention(batch * heads * length * (key[-2] + past), _part(width, heads), _part(value[-1], key_heads))


def _fused(node: TypedNode) -> _Attention:
    batch, length, width = node.shape(0)
    heads = node.attribute("num_heads")
    if not heads:
        raise UnknownSizeError
    columns = node.shape(1)[-1]
    third = _part(columns, 3)
    sizes = node.attribute("qkv_hidden_sizes") or (third, third, third)
    past_at = 8 if node.operator.endswith("QAttention") else 4
    past = node.shape(past_at)[3] if node.has(past_at) else 0
    return _Attention(
        batch * heads * length * (length + past),
        _part(sizes[1], heads),
        _part(sizes[2], heads),
        batch * length * width * columns,
    )


def _multi_head(node: TypedNode) -> _Attention:
    heads = node.attribute("num_heads")
    if not heads:
        raise UnknownSizeError
    query = node.shape(0)
    if len(query) == _RANK_OF_PACKED_HEADS:
        # Query, key and value in one: (batch, length, heads, 3, size of a head).
        batch, length, _, _, size = query
        return _Attention(batch * heads * length * length, size, size)
    batch, length, width = query
    key = node.shape(1)
    if len(key) == _RANK_OF_PACKED_HEADS:
        # Key and value in one: (batch, length, heads, 2, size of a head).
        return _Attention(batch * heads * length * key[1], key[-1], key[-1])
    value = node.shape(2)
    with_heads = len(key) == _RANK_OF_HEADS
    past = node.shape(6)[2] if node.has(6) else 0
    return _Attention(
        batch * heads * length * ((key[2] if with_heads else key[1]) + past),
        _part(width, heads),
        value[-1] if len(value) == _RANK_OF_HEADS else _part(value[-1], heads),
    )


def _grouped_query(node: TypedNode) -> _Attention:
    batch, length, width = node.shape(0)
    heads, key_heads = node.attribute("num_heads"), node.attribute("kv_num_heads")
    if not heads or not key_heads:
        raise UnknownSizeError
    # Without a key, query, key and value are one input.
    size = _part(width, heads) if node.has(1) else _part(width, heads + 2 * key_heads)
    # The present key has the past and the new ones; a buffer of the maximum length is counted as full.
    keys = node.output_shape(1)[2]
    return _Attention(product((batch, heads, length, keys)), size, size)


def _part(size: Size, count: int) -> Size:
    return size // count if isinstance(size, int) else size / count
