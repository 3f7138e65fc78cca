"""Prefixes and suffixes that tools add to names.

Quantisers, float16 converters and fusions derive the name of a new node or value from an existing one. Without the
affix, the name locates the new node as it does the existing one.
"""

from __future__ import annotations

import re

ADDED_ATOMS = r"(?:[A-Z][A-Za-z]*Fusion|DuplicateQ|DuplicateDQ|InsertCast)"
"""A regular expression for the atoms that onnxruntime appends to a path."""

# Sources: onnxruntime's quantisers (quantize_dynamic, quantize_static, QDQ), the float16 converters of onnxmltools and
# onnxruntime, onnxruntime's fusions and transformers optimiser, onnxsim, tf2onnx (`__12`).
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
# Not tuned. A name has one suffix for each tool that it went through; without a bound, a name made of them takes a time
# quadratic in its length.
_MAX_SUFFIXES = 16
_OUTPUT_INDEX = re.compile(r":\d+$")


def without_affixes(name: str) -> str:
    """Return the name that a tool derived this name from; the name itself if it has no known affix."""
    name = _PREFIX.sub("", name)
    for _ in range(_MAX_SUFFIXES):
        shorter = _SUFFIX.sub("", _OUTPUT_INDEX.sub("", name))
        if shorter == name or not shorter:
            break
        name = shorter
    return name
