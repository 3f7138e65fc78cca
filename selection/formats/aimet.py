"""AIMET: the arguments of `QuantizationSimModel.set_tensor_precision`.

AIMET has no list of nodes that quantization leaves alone. `nodes_to_exclude` of its other functions takes the names of
nodes after AIMET has fused each MatMul with its Add, under a name of its own. Values and weights keep theirs.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ...errors import UsageError
from ..selection import Selection
from .json_text import json_text

# AIMET cannot export float32.
_PRECISION = "float16"
# The output of such an operator has no quantizer of its own in AIMET: its name stands for the value that is read, which
# another module may have written.
_PASS_VALUES_ON = frozenset(
    (
        "Col2Im",
        "Compress",
        "DepthToSpace",
        "Dropout",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "MaxPool",
        "MaxRoiPool",
        "NonZero",
        "Pad",
        "ReduceMax",
        "ReduceMin",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "SplitToSequence",
        "Squeeze",
        "Tile",
        "TopK",
        "Transpose",
        "Unsqueeze",
    )
)


def write(selection: Selection[gs.Node]) -> str:
    """Return `{"names": [...], "precision": "float16", "strict": false}`: what the nodes write, and their weights.

    It is not strict because AIMET quantizes only some of these values. Raises UsageError if there is none.
    """
    written = (tensor.name for node in selection.nodes if node.op not in _PASS_VALUES_ON for tensor in node.outputs)
    weights = (tensor.name for node in selection.nodes for tensor in node.inputs if _is_float_weight(tensor))
    names = [name for name in dict.fromkeys((*written, *weights)) if name]
    if not names:
        raise UsageError("the selected nodes have no weights and write nothing that AIMET quantizes")
    return json_text({"names": names, "precision": _PRECISION, "strict": False})


def _is_float_weight(tensor: gs.Tensor) -> bool:
    return isinstance(tensor, gs.Constant) and tensor.dtype is not None and tensor.dtype.kind == "f"
