"""The cost of LSTM, GRU and RNN."""

from __future__ import annotations

from .sizes import Size
from .typed_node import TypedNode

# Other operations for one hidden unit and step. A gate adds two products and a bias and is activated. LSTM: 4 gates,
# c = f * c + i * g (3), h = o * tanh(c) (2). GRU: 3 gates, the reset (1), h = (1 - z) * n + z * h (4). RNN: one gate.
_FLOPS = {"LSTM": 4 * 3 + 3 + 2, "GRU": 3 * 3 + 1 + 4, "RNN": 3}
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_WEIGHTS, _RECURRENT = 1, 2


def recurrent_macs(node: TypedNode) -> Size:
    """Return the multiply-accumulates of all steps, in all directions. Raises UnknownSizeError."""
    inputs, hidden, directions = _sizes(node)
    return _steps(node) * directions * _GATES[_kind(node)] * hidden * (inputs + hidden)


def recurrent_flops(node: TypedNode) -> Size:
    """Return the other operations. Raises UnknownSizeError."""
    _, hidden, directions = _sizes(node)
    return _steps(node) * directions * hidden * _FLOPS[_kind(node)]


def _kind(node: TypedNode) -> str:
    return next(kind for kind in _GATES if node.operator.endswith(kind))


def _steps(node: TypedNode) -> Size:
    """Return the steps of all sequences of the batch, which are the product of two axes in either layout."""
    first, second, _ = node.shape(0)
    return first * second


def _sizes(node: TypedNode) -> tuple[Size, Size, Size]:
    """Return the sizes of the input and of the hidden state, and the number of directions."""
    if node.operator.startswith("com.microsoft::"):
        # The quantised one has its weights transposed.
        directions, inputs, _ = node.shape(_WEIGHTS)
        _, hidden, _ = node.shape(_RECURRENT)
        return inputs, hidden, directions
    directions, _, inputs = node.shape(_WEIGHTS)
    _, _, hidden = node.shape(_RECURRENT)
    return inputs, hidden, directions
