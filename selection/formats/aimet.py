"""AIMET: the names in `nodes_to_exclude` of `set_blockwise_quantization_for_weights`, and the tensors of the nodes."""

from __future__ import annotations

from ..selection import Selection
from .json_text import json_text


def write(selection: Selection) -> str:
    """Return `{"nodes_to_exclude": [...], "tensors": [...]}`; `set_tensor_precision` takes the tensors.

    Raises HpassError if a node has no name of its own.
    """
    tensors = dict.fromkeys(tensor.name for node in selection.nodes for tensor in node.outputs if tensor.name)
    return json_text({"nodes_to_exclude": selection.names, "tensors": list(tensors)})
