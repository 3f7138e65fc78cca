"""The names of nodes whose layout onnxruntime changed.

A convolution that wrote `x` is called `x_nchwc` and writes a value of a new name; a node after it writes `x` again.
"""

from __future__ import annotations

from .region_index import RegionIndex

_SUFFIX = "_nchwc"


def values_in_other_layout(region: RegionIndex) -> dict[str, str]:
    """Return the original value of each value that a node with changed layout writes."""
    return {
        region.writes[index][0]: node.name.removesuffix(_SUFFIX)
        for index, node in enumerate(region.nodes)
        if node.name.endswith(_SUFFIX) and region.writes[index]
    }
