"""The names of the weights that a node reads."""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ..evidence.parameter_names import parameter_owner


def reads_weight_of(node: gs.Node, module: str) -> bool:
    """Whether a node reads a constant that is named like a parameter of a module."""
    return any(isinstance(tensor, gs.Constant) and parameter_owner(tensor.name) == module for tensor in node.inputs)
