"""The inputs of a batch, and patterns that stand for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .location import Location

SUFFIX = ".onnx"
TAGGED = ".tagged"
WILDCARD = re.compile(r"[*?\[]")
"""The start of a part of a pattern that stands for several names."""


class Input(NamedTuple):
    """A model, and the folder that it lies in: relative to the folder or to the fixed part of the pattern it is of.

    The folder of a model that is named itself is empty.
    """

    location: Location
    folder: str = ""


def fixed_folder(pattern: str) -> str:
    """Return the folder that a pattern starts with, up to the first wildcard: `models/` for `models/*/x.onnx`."""
    wildcard = WILDCARD.search(pattern)
    return pattern if wildcard is None else pattern[: pattern.rfind("/", 0, wildcard.start()) + 1]
