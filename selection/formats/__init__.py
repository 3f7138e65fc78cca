"""The forms in which other tools take a selection, one per file. `FORMATS` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..selection import Selection
from . import aimet, float16, layer_ann, matmul_nbits, modelopt, names, nncf, olive, ort_quant, qdq

FORMATS: Mapping[str, Callable[[Selection], str]] = {
    "names": names.write,
    "ort-quant": ort_quant.write,
    "qdq": qdq.write,
    "float16": float16.write,
    "matmul-nbits": matmul_nbits.write,
    "layer-ann": layer_ann.write,
    "olive": olive.write,
    "modelopt": modelopt.write,
    "nncf": nncf.write,
    "aimet": aimet.write,
}
"""The function that writes a selection in each form, by the name of the form."""
