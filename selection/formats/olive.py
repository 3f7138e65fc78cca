"""Olive: the configuration of its passes for quantization and for float16."""

from __future__ import annotations

from ...graph.node_source import NodeT
from ..selection import Selection
from .json_text import json_text
from .ort_quant import nodes_to_exclude


def write(selection: Selection[NodeT]) -> str:
    """Return `{"passes": {...}}` with the names in each pass. Raises HpassError if a node has no name of its own."""
    excluded = nodes_to_exclude(selection)
    return json_text(
        {
            "passes": {
                "dynamic_quantization": {"type": "OnnxDynamicQuantization", "nodes_to_exclude": excluded},
                "static_quantization": {"type": "OnnxStaticQuantization", "nodes_to_exclude": excluded},
                "float16": {"type": "OnnxFloatToFloat16", "node_block_list": selection.names},
            }
        }
    )
