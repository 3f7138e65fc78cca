"""What tools put before and after the names they derive new names from.

Quantisers, float16 converters and fusions name a new node or value after the one it stands beside. Taking their
affixes off gives back a name that says where the thing belongs.
"""

from __future__ import annotations

import re

ADDED_ATOMS = r"(?:MatMulAddFusion|DuplicateQ|DuplicateDQ|InsertCast)"
"""A pattern of what onnxruntime adds to a path as one more atom."""

# onnxruntime's quantisers (quantize_dynamic, quantize_static, QDQ), onnxmltools' and onnxruntime's float16 converters,
# onnxruntime's fusions and its transformers optimiser, onnxsim, tf2onnx (`__12`).
_SUFFIX = re.compile(
    r"(?:"
    r"_(?:De)?[Qq]uantize(?:Linear)?(?:_(?:Input|Output|QuantizeInput|DequantizeOutput))?(?:_\d+)?"
    r"|_(?:quant|quantized|scale|zero_point|bias_quantized|quant_scales_mul|output_quantized|input_cast\d*|output_cast\d*)"
    r"|_(?:kernel|bias|activation|input)_quantizer"
    r"|_cast_to_(?:fp|float)?\d+|_cast_(?:fp|float)\d+"
    r"|_(?:reshape|transpose|nchwc|fused|MatMulAddFusion|token_\d+)"
    rf"|/{ADDED_ATOMS}(?:_\d+)?/?"
    r"|__\d+"
    r")$"
)
_PREFIX = re.compile(r"^(?:fused |InsertedPrecisionFreeCast_|InsertedCast_|graph_(?:in|out)put_cast_?\d*_?|new_)")
_OUTPUT_INDEX = re.compile(r":\d+$")


def without_affixes(name: str) -> str:
    """Return the name that a tool derived this one from; the name itself where no tool's mark is on it."""
    name = _PREFIX.sub("", name)
    while True:
        shorter = _SUFFIX.sub("", _OUTPUT_INDEX.sub("", name))
        if shorter == name or not shorter:
            return name
        name = shorter
