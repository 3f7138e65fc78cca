"""In which numbers a part of a model computes, and from which ratio on two such parts agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import onnx

EXACT, HALF, QUANTISED = "float32", "float16", "int8"

THRESHOLDS_DB: Mapping[str, float] = {EXACT: 80.0, HALF: 35.0, QUANTISED: 15.0}
"""The signal-to-noise ratio from which on outputs agree, in decibels.

float32 keeps about 140 dB in one operation and float16 60; a model of some depth loses some of it. Not tuned.
"""

_HALF_TYPES = frozenset((onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16))
_QUANTISING = frozenset(
    (
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "DynamicQuantizeMatMul",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QuantizeLinear",
    )
)


def arithmetic(operators: Iterable[str], types: Iterable[int]) -> str:
    """Return the coarsest numbers in which operators compute, by their names and the types of their values."""
    if any(operator in _QUANTISING or operator.startswith("QLinear") for operator in operators):
        return QUANTISED
    return HALF if _HALF_TYPES.intersection(types) else EXACT
