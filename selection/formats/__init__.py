"""The forms in which other tools take a selection, one per file. `FORMATS` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from ..selection import Selection

Format = Literal[
    "names",
    "ort-quant",
    "qdq",
    "float16",
    "matmul-nbits",
    "layer-ann",
    "olive",
    "modelopt",
    "nncf",
    "aimet",
]
TYPED_FORMATS = frozenset({"qdq", "aimet"})
"""The forms that need the types of values, which a TaggedFile does not have."""


def _write(form: str, selection: Selection[Any]) -> str:
    # Some forms need large libraries, so the file of a form is imported when it is used.
    write: Callable[[Selection[Any]], str] = import_module(f".{form.replace('-', '_')}", __name__).write
    return write(selection)


FORMATS: Mapping[str, Callable[[Selection[Any]], str]] = {form: partial(_write, form) for form in get_args(Format)}
"""The function that writes a selection in each form, by the name of the form."""
