"""NVIDIA's ModelOpt (`modelopt.onnx.quantization`, `modelopt.onnx.autocast`): regular expressions, one on each line.

ModelOpt looks whether a name begins with a match, so `node_1` alone would match `node_12`.
"""

from __future__ import annotations

import re

from ...graph.node_source import NodeT
from ..selection import Selection
from .names import printable_names


def write(selection: Selection[NodeT]) -> str:
    """Return one anchored expression for each name. Raises HpassError as `names` does."""
    return "\n".join(f"^{re.escape(name)}$" for name in printable_names(selection))
